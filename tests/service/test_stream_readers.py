"""Readers of events that are slow, or leave: what they cost the service, and what becomes of their scripts."""
import socket
import time

import pytest

from support import procs
from support.client import reset
from support.events import Stream, stream, text_of
from support.gauges import anonymous_mb, metric, ready
from support.scripts import BEGINS, PLAIN, WRITES


@pytest.fixture(scope="module")
def lone(start_server):
    return start_server("--slots=1", "--queue=1")


def test_a_reader_that_stalls_makes_its_script_wait(lone):
    """It is not over as long as nothing is read. One that reads makes no write wait: the script itself says how long one took."""
    with Stream(lone.port, WRITES, receive_bytes=4096, args=[9]) as answer:
        time.sleep(1.5)
        assert ready(lone) == 1
        events = list(answer)
    assert events[-1].name == "result", events[-1]
    assert text_of(events, "stdout") == events[-1].data["stdout"]
    assert len(events[-1].data["stdout"]) == 9 << 20
    # Once at least: the machine may stand still.
    assert any(stream(lone, WRITES, args=[9])[-1].data["result"] < 1 for _ in range(3)), "one that reads does not make it wait"


@pytest.mark.plain_memory
def test_readers_that_stall_hold_no_memory(service):
    """Four scripts want to print 36 MB. In the service is what was read of it: not much."""
    before = anonymous_mb(service)
    answers = [Stream(service.port, WRITES, receive_bytes=4096, args=[9]) for _ in range(4)]
    try:
        for _ in range(10):
            time.sleep(0.1)
            assert anonymous_mb(service) - before < 10
        assert ready(service) == 4
        assert service.client.get("/health").status == 200
    finally:
        for answer in answers:
            answer.close()
    procs.poll(lambda: ready(service) == 0, 5, "all are ended")


def test_one_that_stalls_does_not_stop_the_clock(hasty):
    with Stream(hasty.port, WRITES, receive_bytes=4096, args=[9]) as answer:
        procs.poll(lambda: ready(hasty) == 0, 3, "its time is over")
        events = list(answer)
    assert (events[-1].name, events[-1].data["error"]) == ("error", "Script execution timed out (1s limit)")
    assert text_of(events, "stdout") == events[-1].data["stdout"]


def seconds_until_free(server, script, leave):
    answer = Stream(server.port, script, receive_bytes=4096)
    time.sleep(0.3)
    assert ready(server) == 1
    leave(answer)
    left = time.monotonic()
    procs.poll(lambda: ready(server) == 0, 2, "its place is free")
    return time.monotonic() - left


@pytest.mark.parametrize("leave", [Stream.close, reset], ids=["end", "reset"])
@pytest.mark.parametrize("script", [BEGINS, WRITES.replace("main(megabytes", "main(megabytes=9")], ids=["silent", "stalled"])
def test_one_that_leaves_ends_its_script(lone, leave, script):
    """At once: a heartbeat, which would meet nobody, comes 4 s later. Once at least, since the machine may stand still."""
    assert any(seconds_until_free(lone, script, leave) < 3 for _ in range(3))
    assert lone.execute(PLAIN).status == 200


def test_one_that_sends_no_more_and_reads_nothing_is_not_kept(lone):
    """Its script is ended, and then nothing else would ever end the connection: it is full, and a run's has no deadline."""
    with Stream(lone.port, WRITES, receive_bytes=4096, args=[9]) as answer:
        time.sleep(0.5)
        procs.poll(lambda: metric(lone, "code_runner_connections") == 2, 2, "none is left of those before")
        answer.socket.shutdown(socket.SHUT_WR)
        procs.poll(lambda: metric(lone, "code_runner_connections") == 1, 2, "it is closed")
        procs.poll(lambda: ready(lone) == 0, 2, "its place is free")
