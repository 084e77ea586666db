"""Clients that are gone, or half closed: what they had is free at once, and who asked for no run still gets an answer."""
import socket
import statistics
import time

import pytest

from support import procs
from support.client import Raw, execute_bytes, head, reset
from support.gauges import running
from support.scripts import PLAIN, is_42
from support.server import TIME_FACTOR

pytestmark = pytest.mark.mode_independent

LONG = "import time\ndef main():\n    time.sleep(30)\n"


@pytest.fixture(scope="module")
def lone(start_server):
    return start_server("--slots=1", "--queue=2")


@pytest.mark.parametrize("leave", [Raw.close, reset], ids=["end", "reset"])
def test_a_client_that_is_gone_frees_its_place(lone, leave):
    """Running and waiting: of two runs of 30 s nothing is left for the third to wait for."""
    first, second = lone.raw(), lone.raw()
    first.send(execute_bytes(LONG))
    procs.poll(lambda: running(lone) == (1, 0), 5, "one runs")
    second.send(execute_bytes(LONG))
    procs.poll(lambda: running(lone) == (1, 1), 5, "one waits")
    leave(second)
    procs.poll(lambda: running(lone) == (1, 0), 2, "the place in the queue is free")
    leave(first)
    left = time.monotonic()
    is_42(lone.execute(PLAIN))
    assert time.monotonic() - left < 15


def seconds_until(server, state):
    began = time.monotonic()
    while running(server) != state:
        assert time.monotonic() - began < procs.PATIENCE, state
        time.sleep(0.002)
    return time.monotonic() - began


@pytest.mark.parametrize("where", ["running", "queued"])
@pytest.mark.parametrize("leave", [Raw.close, reset], ids=["end", "reset"])
def test_how_soon_a_place_is_free(lone, where, leave):
    """Within 100 ms, as a rule, and some more on a slow machine: from the client's close until the service counts it no more."""
    medians = []
    while len(medians) < 3 and min(medians, default=99) >= 0.4 * TIME_FACTOR:
        taken, found = [], []
        if where == "queued":
            taken.append(lone.raw())
            taken[0].send(execute_bytes(LONG))
            procs.poll(lambda: running(lone) == (1, 0), 5, "one runs")
        with_it = (1, 1) if taken else (1, 0)
        for _ in range(15):
            raw = lone.raw()
            raw.send(execute_bytes(LONG))
            procs.poll(lambda: running(lone) == with_it, 5, "it is there")
            leave(raw)
            found.append(seconds_until(lone, (1, 0) if taken else (0, 0)))
        for raw in taken:
            raw.close()
            seconds_until(lone, (0, 0))
        medians.append(statistics.median(found))
    assert min(medians) < 0.4 * TIME_FACTOR, (medians, found)


def test_a_client_that_closes_its_own_direction_counts_as_gone(lone):
    """Until something is sent to it, nothing tells it from one that is gone."""
    with lone.raw() as raw:
        raw.send(execute_bytes(LONG))
        procs.poll(lambda: running(lone) == (1, 0), 5, "it runs")
        raw.socket.shutdown(socket.SHUT_WR)
        assert raw.at_end()
    is_42(lone.execute(PLAIN))


def test_one_that_asks_for_no_run_gets_its_answer(lone):
    """As from `printf 'GET /health ...' | nc -N`."""
    for _ in range(20):
        with lone.raw() as raw:
            raw.send(head("GET", "/health"))
            raw.socket.shutdown(socket.SHUT_WR)
            assert raw.read_answer().json == {"status": "healthy"}
            assert raw.at_end()


def test_one_that_leaves_with_its_body_half_sent_is_let_go_at_once(lone):
    for _ in range(20):
        with lone.raw() as raw:
            raw.socket.settimeout(20)  # less than a body may take
            raw.send(execute_bytes(PLAIN)[:-5])
            raw.socket.shutdown(socket.SHUT_WR)
            assert raw.at_end()
