"""Clients that are slow, silent, many, or gone: what each may cost, and that others do not notice."""
import contextlib
import json
import re
import socket
import statistics
import struct
import threading
import time

import pytest

from support import procs
from support.client import Raw, execute_bytes, head
from support.server import TIME_FACTOR

pytestmark = pytest.mark.mode_independent

PLAIN = "def main():\n    return 42\n"
LONG = "import time\ndef main():\n    time.sleep(30)\n"


def is_42(answer):
    assert (answer.status, answer.json) == (200, {"result": 42, "stdout": ""}), answer


def anonymous_mb(server):
    return int(procs.status(server.server_pid())["RssAnon"].split()[0]) / 1024


def metric(server, name):
    return int(re.search(rf"^{re.escape(name)} (\d+)$", server.client.get("/metrics").body.decode(), re.M)[1])


def running(server):
    state = server.client.get("/ready").json
    return state["running"], state["waiting"]


def reset(raw):
    """Closes with a reset instead of an end."""
    raw.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raw.file.close()
    raw.socket.close()


# ---- gone ----

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
    assert statistics.median(found) < 0.4 * TIME_FACTOR, found


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


# ---- slow ----

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


# ---- many ----

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
        assert sockets < 20 + 20, sockets


@pytest.fixture(scope="module")
def crowded(start_server):
    return start_server("--slots=2", "--head-seconds=60", "--body-seconds=60")


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
