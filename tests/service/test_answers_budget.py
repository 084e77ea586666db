"""Answers that nobody reads: what all of them may hold together, however many connections hold nothing."""
import contextlib
import re
import socket

import pytest

from support.client import Raw, execute_bytes, head
from support.memory_group import MemoryGroup

pytestmark = [pytest.mark.mode_independent, pytest.mark.plain_memory]

SIZE, FIT = 9_000_000, 5  # in a tenth of 512 MiB
LARGE = f"def main():\n    return 'x' * {SIZE}\n"
PAGES = head("GET", "/assets/codemirror.js") * 50


@pytest.fixture
def small(start_server):
    group = MemoryGroup(512)
    try:
        server = start_server("--slots=1", wrapper=group.wrapper)
        yield server
        server.stop()
    finally:
        group.remove()


class Unread(Raw):
    """A client whose side of the connection keeps next to nothing of what it does not read."""

    def __init__(self, port, data):
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        self.socket.settimeout(20)
        self.socket.connect(("127.0.0.1", port))
        self.file = self.socket.makefile("rb")
        self.send(data)
        assert self.socket.recv(100, socket.MSG_PEEK).startswith(b"HTTP/1.1 200 ")


def cut(server):
    return int(re.search(rb"^code_runner_connections_cut_total (\d+)$", server.client.get("/metrics").body, re.M)[1])


def is_whole(reader):
    """Reads its answer: whether all of it comes."""
    reader.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    with contextlib.suppress(OSError):
        answer = reader.read_answer()
        return len(answer.body) == int(answer.headers["Content-Length"])
    return False


def test_answers_that_hold_nothing_are_no_shield(small):
    """Files of the page, which take no memory, are left unread first; then twice the large answers that fit."""
    with contextlib.ExitStack() as stack:
        for _ in range(2 * FIT):
            stack.enter_context(Unread(small.port, PAGES))
        readers = [stack.enter_context(Unread(small.port, execute_bytes(LARGE))) for _ in range(2 * FIT)]
        assert cut(small) == FIT
        whole = [is_whole(reader) for reader in readers]
        assert sum(whole) == FIT and whole[-1], whole
