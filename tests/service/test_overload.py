"""More than there is room for, and an end while there is work: each request has one answer that says what to
do next."""
import base64
import contextlib
import json
import math
import os
import re
import signal
import socket
import statistics
import subprocess
import threading
import time

import pytest

from support import procs
from support.client import Client, Raw, execute_bytes, head
from support.events import Stream
from support.server import TIME_FACTOR

pytestmark = pytest.mark.mode_independent

QUICK = "def main():\n    return 1\n"
SLEEPER = "import time\ndef main():\n    time.sleep(25)\n"
TIMING = re.compile(r"queue;dur=\d+\.\d{3}, run;dur=\d+\.\d{3}\Z")

EXECUTED = {
    "success": QUICK,
    "exception": "def main():\n    raise ValueError\n",
    "syntax_error": "def main(:\n",
    "no_main": "x = 1\n",
    "exited": "def main():\n    raise SystemExit(3)\n",
    "killed": "import os\ndef main():\n    os.abort()\n",
    "bad_result": "def main():\n    return {1}\n",
    "timeout": "import time\ndef main():\n    time.sleep(9)\n",
    "memory": "def main():\n    return len(b'x' * 400_000_000)\n",
    "output": "def main():\n    while True: print('x' * 10000)\n",
}


@pytest.mark.parametrize("outcome", EXECUTED)
def test_every_run_says_how_long_it_waited_and_took(service, hasty, outcome):
    answer = (hasty if outcome == "timeout" else service).execute(EXECUTED[outcome])
    assert answer.outcome == outcome, answer
    assert TIMING.match(answer.headers["Server-Timing"]), answer.headers["Server-Timing"]
    took = float(answer.headers["Server-Timing"].rpartition("=")[2]) / 1000
    assert took <= answer.seconds and (outcome != "timeout" or took >= 1)


class Asker(threading.Thread):
    """One request in a thread; answer() or the error that came instead."""

    def __init__(self, server, script):
        super().__init__()
        self.client, self.script, self.found = Client(server.port), script, None
        self.start()

    def run(self):
        try:
            self.found = self.client.execute(self.script)
        except OSError as error:
            self.found = error
        finally:
            self.client.close()

    def answer(self):
        self.join(40)
        assert not self.is_alive() and not isinstance(self.found, OSError), self.found
        return self.found


def test_more_than_there_is_room_for(start_server):
    """Those that are let in get what is theirs, the others a time to come again; health is asked all the while."""
    server = start_server("--slots=2", "--queue=6")
    script = "import time\ndef main():\n    time.sleep(0.3)\n    return {} * 7\n"
    began = time.monotonic()
    askers = [Asker(server, script.format(number)) for number in range(40)]
    health = []
    while any(asker.is_alive() for asker in askers):
        answer = server.client.get("/health")
        assert answer.body == b'{"status": "healthy"}'
        health.append(answer.seconds)
    answers = [asker.answer() for asker in askers]
    longest = time.monotonic() - began
    served = [number for number, answer in enumerate(answers) if answer.status == 200]
    assert all(answers[number].json["result"] == number * 7 for number in served)
    refused = [answer for answer in answers if answer.status != 200]
    assert len(served) >= 8 and refused
    for answer in refused:
        assert (answer.status, answer.outcome) == (503, "overloaded"), answer
        assert 1 <= int(answer.headers["Retry-After"]) <= math.ceil(7 * longest / 2), answer.headers  # at most 7, by two
    # A server that waits for a script is late most times, a busy machine less often.
    assert statistics.quantiles(health)[0] < 0.1 * TIME_FACTOR, (len(health), max(health))


def limit_descriptors(pid, soft):
    """As the user that it runs as, who may."""
    uid, gid = (procs.status(pid)[name].split()[0] for name in ("Uid", "Gid"))
    subprocess.run(["setpriv", f"--reuid={uid}", f"--regid={gid}", "--clear-groups", "prlimit", f"--pid={pid}", f"--nofile={soft}"],
                   check=True)


def test_a_moment_without_descriptors_costs_nobody_a_run(start_server):
    """What cannot be made now can be made when something has ended: those who wait go on waiting."""
    server, count = start_server("--slots=2", "--queue=256", "--head-seconds=60"), 40
    sleepers, health = [Raw(server.port) for _ in range(2)], server.raw()
    for sleeper in sleepers:
        sleeper.send(execute_bytes(SLEEPER))
    procs.poll(lambda: server.client.get("/ready").json["running"] == 2, 5, "they run")
    askers = [Raw(server.port, timeout=40) for _ in range(count)]
    for number, raw in enumerate(askers):
        raw.send(execute_bytes(f"def main():\n    return {number} * 7\n"))
    procs.poll(lambda: server.client.get("/ready").json["waiting"] == count, 10, "all others wait")
    pid = server.server_pid()
    limit_descriptors(pid, "16:")
    for sleeper in sleepers:  # what waits ahead of requests takes their places, and then another one must be made
        sleeper.close()
    procs.poll(lambda: "stage spawn: Too many open files" in server.log(), 10, "no worker can be made")
    time.sleep(0.5)  # the moment
    health.send(head("GET", "/health"))
    assert health.read_answer().status == 200
    health.close()
    limit_descriptors(pid, "4000:")
    answers = [raw.read_answer() for raw in askers]
    for raw in askers:
        raw.close()
    wrong = [(number, answer) for number, answer in enumerate(answers)
             if (answer.status, answer.json) != (200, {"result": number * 7, "stdout": ""})]
    assert not wrong, (len(wrong), wrong[:2])


def test_when_to_come_again_is_an_estimate(start_server):
    """It takes into account how long what runs has taken so far: for that one, and the two that wait."""
    server = start_server("--slots=1", "--queue=2")
    sent = time.monotonic()
    with Stream(server.port, "import time\ndef main():\n    print('begun')\n    time.sleep(25)\n") as first:
        assert first.read().data == "begun\n"
        begun = time.monotonic()
        askers = [Asker(server, QUICK) for _ in range(2)]
        procs.poll(lambda: server.client.get("/ready").json["waiting"] == 2, 5, "two wait")
        for pause in (0, 1.4):
            time.sleep(pause)  # what is measured
            least = time.monotonic() - begun
            answer = server.execute(QUICK)
            most = time.monotonic() - sent
            assert answer.status == 503
            assert math.ceil(3 * least) <= int(answer.headers["Retry-After"]) <= math.ceil(3 * most), (least, most, answer.headers)
    assert [asker.answer().status for asker in askers] == [200] * 2


def test_what_is_ended_after_the_grace_time_is_answered(start_server):
    server = start_server("--slots=1", "--queue=2", "--grace-seconds=1")
    runs = Asker(server, "import time\ndef main():\n    print('begun', flush=True)\n    time.sleep(30)\n")
    procs.poll(lambda: server.client.get("/ready").json["running"] == 1, 5, "it runs")
    waits = Asker(server, QUICK)
    procs.poll(lambda: server.client.get("/ready").json["waiting"] == 1, 5, "one waits")
    server.process.send_signal(signal.SIGTERM)
    for answer in (runs.answer(), waits.answer()):
        assert (answer.status, answer.outcome) == (503, "overloaded"), answer
        assert answer.headers["Retry-After"] == "1" and "shutting down" in answer.json["error"]
    assert server.process.wait(15) == 0


def test_a_request_that_is_being_sent_is_answered(start_server):
    """Not cut in the middle: it is told to go elsewhere."""
    server = start_server("--slots=1", "--grace-seconds=20")
    data = execute_bytes(QUICK)
    with server.raw() as raw:
        raw.send(data[:-5])
        procs.poll(lambda: server.client.get("/health").status == 200, 5, "a round through the loop")
        server.process.send_signal(signal.SIGTERM)
        procs.poll(lambda: server.client.get("/health").status == 503, 2, "draining")
        raw.send(data[-5:])
        answer = raw.read_answer()
        assert (answer.status, answer.outcome) == (503, "overloaded"), answer
        assert raw.at_end()
    assert server.process.wait(15) == 0


def test_a_request_that_never_ends_does_not_hold_up_the_end(start_server):
    server = start_server("--slots=1", "--grace-seconds=1")
    with server.raw() as raw:
        raw.send(execute_bytes(QUICK)[:-5])
        assert server.client.get("/health").status == 200
        told = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(15) == 0
        assert 0.9 < time.monotonic() - told < 10


def test_an_answer_that_nobody_reads_does_not_hold_up_the_end(start_server):
    """Cloud Run kills 10 s after SIGTERM, and 8 s of grace is what comes with the program: the rest is short."""
    server = start_server("--slots=1", "--grace-seconds=1")
    with server.raw() as raw:
        raw.send(execute_bytes("def main():\n    return 'x' * 9_000_000\n"))
        procs.poll(lambda: "x" in raw.socket.recv(4096, socket.MSG_PEEK).decode(), 5, "the answer has begun")
        told = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(20) == 0
        assert 0.9 < time.monotonic() - told < 10  # right is 2.5, and a minute for who reads slowly otherwise


def test_what_comes_in_the_moment_of_an_idle_end_is_answered(start_server):
    """A service without work ends at once, but not under the hands of who has just been sent to it."""
    for _ in range(5):
        server, answer = start_server("--slots=1"), None
        with server.raw() as early, contextlib.suppress(ConnectionError):
            told = time.monotonic()
            server.process.send_signal(signal.SIGTERM)
            time.sleep(0.02)  # on its way meanwhile
            early.send(execute_bytes(QUICK))
            answer = early.read_answer()
        took = time.monotonic() - told
        assert server.process.wait(15) == 0
        # Else it came too early, or too late: the moment is 0.1 s.
        if answer and answer.status != 200 or not answer and took < 0.06:
            break
    assert answer and (answer.status, answer.outcome) == (503, "overloaded"), (answer, took)


def test_told_to_stop_while_the_sandbox_is_being_prepared(start_server):
    """What waits for it is answered."""
    server = start_server("--slots=1", "--queue=2", "--grace-seconds=3")
    known = {server.server_pid(), server.zygote_pid()}
    os.kill(server.pid, signal.SIGSTOP)  # no other one is started for now
    os.kill(server.zygote_pid(), signal.SIGKILL)
    procs.poll(lambda: server.client.get("/ready").status == 503, 5, "no sandbox")
    asker = Asker(server, QUICK)
    procs.poll(lambda: server.client.get("/ready").json["waiting"] == 1, 5, "it waits")
    os.kill(server.pid, signal.SIGCONT)
    procs.poll(lambda: set(procs.children(server.pid)) - known, 5, "another one is started")
    server.process.send_signal(signal.SIGTERM)
    assert asker.answer().status in (200, 503)
    assert server.process.wait(15) == 0


def test_large_requests_that_were_read_are_in_nobodys_way(start_server):
    """Silent scripts keep their requests, all that may be held at once; yet there is room for one more."""
    server = start_server("--slots=8", "--pool=2")
    fields = {"stdin": "x" * (10 << 20), "files": {"a": base64.b64encode(bytes(9 << 20)).decode()}}
    body = json.dumps({"script": SLEEPER, **fields}).encode()
    sleepers = [Raw(server.port) for _ in range(6)]
    for number, sleeper in enumerate(sleepers, 1):
        sleeper.send(head(Content_Type="application/json", Content_Length=len(body)) + body)
        procs.poll(lambda: server.client.get("/ready").json["running"] == number, 10, "it runs")
    answer = server.execute("import sys\ndef main():\n    return len(sys.stdin.read())\n", **fields)
    assert (answer.status, answer.json.get("result")) == (200, 10 << 20), answer
    for sleeper in sleepers:
        sleeper.close()
