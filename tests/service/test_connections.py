"""Clients that are many, from one address or in all: what they may cost, and that others do not notice."""
import contextlib
import json
import re
import socket
import statistics
import threading

import pytest

from support import procs
from support.client import Raw, execute_bytes, head
from support.gauges import anonymous_mb, metric, running
from support.scripts import PLAIN, is_42
from support.server import TIME_FACTOR

pytestmark = pytest.mark.mode_independent


def test_connections_of_one_address(start_server):
    server = start_server("--slots=1", "--connections-per-address=3")
    server.client.close()
    procs.poll(lambda: not procs.holds_connections(server.port), 5, "the server has seen that its first clients left")
    with contextlib.ExitStack() as stack:
        ours = [stack.enter_context(server.raw()) for _ in range(3)]
        for raw in ours:
            raw.send(head("GET", "/health"))
            assert raw.read_answer().status == 200
        for _ in range(20):
            with server.raw() as raw:
                with contextlib.suppress(ConnectionError):
                    raw.send(head("GET", "/health"))
                answer = raw.read_answer()
                assert (answer.status, answer.outcome) == (503, "overloaded"), answer
                assert "this address (limit 3)" in answer.json["error"] and answer.headers["Retry-After"]
        other = socket.create_connection(("127.0.0.1", server.port), source_address=("127.0.0.2", 0), timeout=20)
        with other:
            other.sendall(head("GET", "/health"))
            assert other.recv(4096).startswith(b"HTTP/1.1 200 ")
        for raw in ours:  # and those that are there go on
            raw.send(execute_bytes(PLAIN))
            is_42(raw.read_answer())
        ours[0].close()

        def room():
            with server.raw() as raw, contextlib.suppress(ConnectionError):
                raw.send(head("GET", "/health"))
                return raw.read_answer().status == 200

        procs.poll(room, 3, "there is room for another one")
        ours[1].send(head("GET", "/metrics"))
        told = re.search(rb"^code_runner_connections_refused_total (\d+)$", ours[1].read_answer().body, re.M)
        assert int(told[1]) >= 20


def test_connections_in_all(start_server):
    server = start_server("--slots=1", "--queue=4", "--connections=20", "--head-seconds=60")
    server.client.close()
    with contextlib.ExitStack() as stack:
        for _ in range(60):
            stack.enter_context(server.raw())
        for _ in range(3):
            with server.raw() as raw:
                raw.send(execute_bytes(PLAIN))
                is_42(raw.read_answer())
        sockets = procs.count_descriptors(server.server_pid())
        assert sockets < 20 + 30, sockets  # 9 of its own, 3 for each of 4 workers, 6 for one that is being made


@pytest.fixture(scope="module")
def crowded(start_server):
    return start_server("--slots=2", "--head-seconds=300", "--body-seconds=300")


@pytest.mark.plain_memory
@pytest.mark.parametrize("what", ["idle", "drips head", "drips body"])
def test_a_thousand_others_change_nothing(crowded, what):
    """Others are served as ever, and none of the thousand is cut for it."""
    before, stop = anonymous_mb(crowded), threading.Event()
    begin = {"idle": b"", "drips head": b"POST /execute HTTP/1.1\r\nX: ",
             "drips body": head(Content_Type="application/json", Content_Length=500_000)}[what]
    with contextlib.ExitStack() as stack:
        crowd = [stack.enter_context(crowded.raw()) for _ in range(1000)]
        for raw in crowd:
            raw.send(begin)

        def drip_all():
            while not stop.is_set():
                for raw in crowd:
                    raw.send(b" " if begin else b"")
                stop.wait(0.2)

        dripping = threading.Thread(target=drip_all)
        dripping.start()
        taken = []
        for number in range(30):
            answer = crowded.execute(f"def main():\n    return {number}\n")
            assert answer.json == {"result": number, "stdout": ""}, answer
            taken += [answer.seconds, crowded.client.get("/health").seconds]
        used = anonymous_mb(crowded) - before
        stop.set()
        dripping.join()
        assert statistics.median(taken[::2]) < 0.5 * TIME_FACTOR and max(taken) < 10, taken
        assert used < 64, f"{used:.0f} MB for 1000 connections"
        print(f"{what}: {used:.1f} MB for 1000 connections")
        alive = crowd[0]
        alive.socket.settimeout(0.1)
        with pytest.raises(TimeoutError):  # it is still there
            alive.socket.recv(1)


@pytest.mark.plain_memory
def test_large_bodies_and_answers_that_nobody_reads(crowded):
    """200 clients, each a body as large as may be and an answer of which it reads nothing."""
    before, overloaded = anonymous_mb(crowded), metric(crowded, 'code_runner_runs_total{outcome="overloaded"}')
    body = json.dumps({"script": "def main():\n    return 'x' * 500_000\n", "pad": ""}).encode()
    body = body[:-2] + b"p" * ((1 << 20) - len(body)) + body[-2:]
    assert len(body) == 1 << 20
    data, peak = head(Content_Type="application/json", Content_Length=len(body)) + body, 0
    with contextlib.ExitStack() as stack:
        crowd = [stack.enter_context(Raw(crowded.port, timeout=30)) for _ in range(200)]
        for raw in crowd:
            raw.send(data[:-1])
        peak = anonymous_mb(crowded) - before
        for raw in crowd:
            raw.send(data[-1:])
        procs.poll(lambda: running(crowded) == (0, 0), 60, "all have run")
        held = anonymous_mb(crowded) - before
        is_42(crowded.execute(PLAIN))
        answers = [raw.read_answer().status for raw in crowd]
    print(f"200 bodies: {peak:.0f} MB while they come, {held:.0f} MB of answers; answers: {sorted(set(answers))}")
    assert set(answers) <= {200, 503} and answers.count(200) >= 100
    assert peak < 260 and held < 280
    assert metric(crowded, 'code_runner_runs_total{outcome="overloaded"}') == overloaded + answers.count(503)
