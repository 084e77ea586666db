"""A log that nobody reads: nothing waits for it, and lines that are dropped are counted and told."""
import os
import re
import signal
import socket
import subprocess
import threading

import pytest

from support import procs
from support.client import Client, Raw, head
from support.server import BINARY, free_port

pytestmark = pytest.mark.mode_independent


class Stuck:
    """A service whose standard output is a pipe or socket that nobody reads."""

    def __init__(self, output, errors):
        self.port = free_port()
        self.process = subprocess.Popen([BINARY, f"--port={self.port}", "--address=127.0.0.1", "--slots=1", "--preload=none", "--log-probes"],
                                        stdin=subprocess.DEVNULL, stdout=output, stderr=errors)
        self.client = Client(self.port, timeout=20)
        procs.poll(self.is_ready, 20, "ready")

    def is_ready(self):
        try:
            return self.client.get("/ready").status == 200
        except OSError:
            return False

    def flood(self, count):
        """count lines, many requests at a time."""
        request = head("GET", "/" + "x" * 400) * 50
        with Raw(self.port, timeout=20) as raw:
            for _ in range(count // 50):
                raw.send(request)
                for _ in range(50):
                    assert raw.read_answer().status == 404

    def dropped(self):
        text = self.client.get("/metrics").body.decode()
        return int(re.search(r"^code_runner_log_lines_dropped_total (\d+)$", text, re.M)[1])

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise


@pytest.fixture(params=["pipe", "socket"])
def ends(request):
    """(reader, writer) descriptors."""
    if request.param == "pipe":
        reader, writer = os.pipe()
    else:
        pair = socket.socketpair()
        reader, writer = (end.detach() for end in pair)
    yield reader, writer
    os.close(reader)


@pytest.mark.plain_memory
def test_a_log_that_nobody_reads_stops_nobody(ends):
    reader, writer = ends
    stuck = Stuck(writer, subprocess.DEVNULL)
    os.close(writer)
    try:
        stuck.flood(4000)  # more than the longest pipe takes
        dropped = stuck.dropped()
        assert dropped > 100
        os.kill(procs.children(stuck.process.pid)[-1], signal.SIGKILL)  # a role that dies is told, too
        procs.poll(stuck.is_ready, 10, "ready again")
        text = []
        drain = threading.Thread(target=lambda: text.extend(iter(lambda: os.read(reader, 65536), b"")))
        drain.start()
        procs.poll(lambda: stuck.client.get("/nope").status == 404 and b" log lines were dropped" in b"".join(text), 5, "the number is told")
    finally:
        status = stuck.stop()
    drain.join(20)
    assert status == 0
    assert b"the server leaves\n" in b"".join(text)


@pytest.mark.plain_memory
def test_a_log_whose_reader_left_stops_nobody():
    reader, writer = os.pipe()
    stuck = Stuck(writer, subprocess.DEVNULL)
    os.close(writer)
    os.close(reader)
    try:
        stuck.flood(100)
        assert stuck.dropped() >= 100
        before = procs.children(stuck.process.pid)
        for pid in reversed(before):  # the zygote first: it leaves with the server
            os.kill(pid, signal.SIGKILL)
        stuck.client.close()
        procs.poll(lambda: stuck.is_ready() and not set(before) & set(procs.children(stuck.process.pid)), 10, "ready again")
    finally:
        status = stuck.stop()
    assert status == 0
