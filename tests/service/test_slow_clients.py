"""Clients that send or read slowly, or say nothing: they are cut when their time is over, and keep nobody out."""
import contextlib
import socket
import threading
import time

import pytest

from support.client import Raw, execute_bytes, head
from support.gauges import metric
from support.scripts import PLAIN, is_42
from support.server import TIME_FACTOR

pytestmark = pytest.mark.mode_independent


@pytest.fixture(scope="module")
def strict(start_server):
    return start_server("--slots=1", "--head-seconds=1", "--body-seconds=2", "--idle-seconds=1")


def drip(raw, data):
    """A byte every 50 ms until the other end closes, and what it said."""
    raw.socket.settimeout(0.05)
    with contextlib.suppress(ConnectionError):
        for at in range(400):
            raw.socket.sendall(data[at:at + 1])
            with contextlib.suppress(TimeoutError):
                return raw.socket.recv(4096)
    return b""


@contextlib.contextmanager
def is_cut_after(seconds):
    """Begins before the service can know of it. Stays below what comes with the program: 10, 30 and 60 s."""
    began = time.monotonic()
    yield
    assert seconds - 0.1 < time.monotonic() - began < 9


def test_a_head_that_drips_is_cut(strict):
    with is_cut_after(1), strict.raw() as raw:
        assert drip(raw, b"POST /execute HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 1000) == b""


def test_a_connection_that_says_nothing_is_cut(strict):
    with is_cut_after(1), strict.raw() as raw:
        assert raw.at_end()


def test_a_body_that_drips_is_cut(strict):
    """It has its own time from the end of the head on."""
    with is_cut_after(2), strict.raw() as raw:
        raw.send(head(Content_Type="application/json", Content_Length=1000))
        assert drip(raw, b" " * 1000) == b""


def test_an_idle_connection_is_cut(strict):
    with is_cut_after(1), strict.raw() as raw:
        raw.send(execute_bytes(PLAIN))
        is_42(raw.read_answer())
        assert raw.at_end()


def test_a_run_is_not_cut(strict):
    is_42(strict.execute("import time\ndef main():\n    time.sleep(2.5)\n    return 42\n"))


def test_slow_readers_keep_nobody_out(start_server):
    """All places taken by clients that read an answer, a little now and then: they are not the last ones to be served."""
    server, stop = start_server("--slots=1", "--queue=4", "--connections=60"), threading.Event()
    server.client.close()
    with contextlib.ExitStack() as stack:
        crowd = []
        for _ in range(60):
            reader = stack.enter_context(socket.socket())
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            reader.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 500)
            reader.connect(("127.0.0.1", server.port))
            reader.sendall(head("GET", "/assets/codemirror.js") * 50)
            assert reader.recv(100).startswith(b"HTTP/1.1 200 ")
            reader.setblocking(False)
            crowd.append(reader)

        def trickle():
            while not stop.wait(2):
                for reader in crowd:
                    with contextlib.suppress(OSError):
                        reader.recv(800)

        reading = threading.Thread(target=trickle)
        reading.start()
        try:
            with Raw(server.port, timeout=15 * TIME_FACTOR) as raw:
                raw.send(head("GET", "/health"))
                assert raw.read_answer().json == {"status": "healthy"}
            with Raw(server.port, timeout=15 * TIME_FACTOR) as raw:
                raw.send(head("GET", "/assets/codemirror.js"))
                assert len(raw.read_answer().body) > 100_000
            assert metric(server, "code_runner_connections_cut_total") > 0
        finally:
            stop.set()
            reading.join()
