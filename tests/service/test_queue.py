"""Slots, the queue, clients that go away, and the end of the service."""
import contextlib
import os
import signal
import threading
import time

import pytest

from support import procs
from support.client import Client, execute_bytes
from support.events import Stream
from support.gauges import until_workers_wait
from support.scripts import marked, new_mark

independent = pytest.mark.mode_independent

QUICK = "def main():\n    return 1\n"


def finish(token):
    """The marked script's sleep is over: it returns."""
    for pid in procs.with_argument(token):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)


class InBackground:
    """A request in a thread of its own; answer() waits for it."""

    def __init__(self, server, script):
        self.found, self.error = None, None
        self.client = Client(server.port)
        self.thread = threading.Thread(target=self.run, args=(script,))
        self.thread.start()

    def run(self, script):
        try:
            self.found = self.client.execute(script)
        except Exception as error:  # handed to the test by answer()
            self.error = error
        finally:
            self.client.close()

    def answer(self):
        self.thread.join(40)
        assert not self.thread.is_alive() and self.error is None, self.error
        return self.found


def start_marked(server, seconds=25):
    token = new_mark()
    request = InBackground(server, marked(token, seconds))
    procs.poll(lambda: procs.with_argument(token), 5, "the script runs")
    return request, token


def wait_until(server, waiting):
    """So many are in the queue."""
    procs.poll(lambda: server.client.get("/ready").json["waiting"] == waiting, 5, f"{waiting} wait")


@independent
def test_full_queue_is_503_at_once(narrow):
    running, token = start_marked(narrow)
    with narrow.raw() as waiting:
        waiting.send(execute_bytes(QUICK))
        wait_until(narrow, waiting=1)
        refused = narrow.execute(QUICK)
        assert (refused.status, refused.outcome) == (503, "overloaded"), refused
        assert int(refused.headers["Retry-After"]) >= 1
        assert refused.json["error"]
        assert refused.seconds < 10  # and not when the one that waits has waited too long
        ready = narrow.client.get("/ready")
        assert ready.status == 503, ready
        assert narrow.client.get("/health").body == b'{"status": "healthy"}'
        finish(token)
        assert waiting.read_answer().json == {"result": 1, "stdout": ""}
    assert running.answer().json["result"] == "done"
    assert narrow.client.get("/ready").status == 200


@independent
def test_waiting_too_long_is_503(start_server):
    server = start_server("--slots=1", "--queue=4", "--queue-wait-seconds=1")
    until_workers_wait(server)
    running, token = start_marked(server)
    answer = server.execute(QUICK)
    finish(token)
    assert (answer.status, answer.outcome) == (503, "overloaded"), answer
    assert "Retry-After" in answer.headers
    assert 0.8 < answer.seconds < 12  # the other one runs for 25
    assert running.answer().json["result"] == "done"


@independent
def test_queue_keeps_the_order(start_server):
    server = start_server("--slots=1", "--queue=8")
    running, token = start_marked(server)
    waiting = [server.raw() for _ in range(6)]
    for number, raw in enumerate(waiting, 1):
        raw.send(execute_bytes("import time\ndef main():\n    return time.monotonic()\n"))
        wait_until(server, waiting=number)
    finish(token)
    times = [raw.read_answer().json["result"] for raw in waiting]
    for raw in waiting:
        raw.close()
    assert times == sorted(times)
    assert running.answer().status == 200


@independent
def test_queued_time_does_not_count_against_the_script(start_server):
    """It waits and runs for longer than the limit, all in all."""
    server = start_server("--slots=1", "--queue=4", "--timeout-seconds=3")
    outcomes = []
    while len(outcomes) < 3 and "success" not in outcomes:  # a machine that stands still can make a script late once
        running, token = start_marked(server)
        queued = InBackground(server, "import time\ndef main():\n    time.sleep(0.6)\n")
        waits = procs.poll(lambda: "yes" if server.client.get("/ready").json["waiting"] == 1 else not queued.thread.is_alive() and "no", 5, "it waits")
        if waits == "yes":
            time.sleep(2.5)  # what must not count
        finish(token)
        outcomes.append(queued.answer().outcome if waits == "yes" else "did not wait")
        running.answer()
    assert outcomes[-1] == "success", outcomes


def test_slots_run_side_by_side(service):
    """Four scripts on four slots: all of them are in the air at one moment."""
    with contextlib.ExitStack() as stack:
        script = "import time\ndef main():\n    print('begun')\n    time.sleep(25)\n"
        for _ in range(4):
            stream = stack.enter_context(Stream(service.port, script))
            assert stream.read().data == "begun\n"
        assert service.client.get("/ready").json["running"] == 4


def test_client_that_goes_away_frees_its_slot(narrow):
    token = new_mark()
    with narrow.raw() as gone:
        gone.send(execute_bytes(marked(token)))
        procs.poll(lambda: procs.with_argument(token), 5, "the script runs")
    left = time.monotonic()
    procs.poll(lambda: not procs.with_argument(token), 1, "the run of a client that left is dead")
    answer = narrow.execute(QUICK)
    assert answer.status == 200, answer
    assert time.monotonic() - left < 15  # of the 25 s that it would have run


def test_client_that_goes_away_while_queued_is_forgotten(narrow):
    running, runs = start_marked(narrow)
    token = new_mark()
    with narrow.raw() as gone:
        gone.send(execute_bytes(marked(token)))
        wait_until(narrow, waiting=1)
    wait_until(narrow, waiting=0)
    with narrow.raw() as queued:
        queued.send(execute_bytes(QUICK))
        wait_until(narrow, waiting=1)  # its place is free again: this one is not refused
        finish(runs)
        assert queued.read_answer().json["result"] == 1
    assert running.answer().status == 200
    assert not procs.with_argument(token)


@independent
def test_sigterm_drains(start_server):
    server = start_server("--slots=1", "--queue=4", "--grace-seconds=30")
    running, token = start_marked(server)
    with server.raw() as queued:
        queued.send(execute_bytes(QUICK))
        wait_until(server, waiting=1)
        server.process.send_signal(signal.SIGTERM)
        health = procs.poll(lambda: (a := server.client.get("/health")).status == 503 and a, 2, "draining")
        assert health.json == {"status": "draining"}
        assert server.client.get("/ready").status == 503
        refused = server.execute(QUICK)
        assert (refused.status, refused.outcome) == (503, "overloaded"), refused
        assert "Retry-After" in refused.headers
        answer = queued.read_answer()  # told to go elsewhere while the other one still runs
        assert (answer.status, answer.outcome) == (503, "overloaded"), answer
        assert answer.headers["Retry-After"] == "1" and "shutting down" in answer.json["error"]
        assert running.thread.is_alive()
    finish(token)
    assert running.answer().json == {"result": "done", "stdout": "begun\n"}
    assert server.process.wait(15) == 0


@independent
def test_drain_ends_runs_after_the_grace_time(start_server):
    server = start_server("--slots=1", "--grace-seconds=1")
    running, token = start_marked(server)
    below = procs.descendants(server.pid)
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(15) == 0
    running.thread.join(15)
    procs.poll(lambda: not set(below) & set(procs.parents()), 2, "no process is left")
    assert not procs.with_argument(token)


@independent
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_second_signal_ends_at_once(start_server, number):
    server = start_server("--slots=1", "--grace-seconds=20")
    running, token = start_marked(server)
    below = procs.descendants(server.pid)
    server.process.send_signal(number)
    procs.poll(lambda: server.client.get("/health").status == 503, 2, "draining")
    server.process.send_signal(number)
    server.process.wait(15)
    running.thread.join(15)
    procs.poll(lambda: not set(below) & set(procs.parents()), 2, "no process is left")
    assert not procs.with_argument(token)


@independent
def test_a_signal_to_the_whole_group_counts_once(start_server):
    """The monitor passes on what the server has got already."""
    server = start_server("--slots=1", "--grace-seconds=30", wrapper=("setsid",))
    running, token = start_marked(server)
    os.killpg(server.pid, signal.SIGTERM)
    procs.poll(lambda: server.client.get("/health").status == 503, 2, "draining")
    time.sleep(0.5)  # nothing to poll for: what the monitor passes on comes without a trace
    finish(token)
    assert running.answer().json == {"result": "done", "stdout": "begun\n"}
    assert server.process.wait(15) == 0


@independent
def test_a_signal_that_merges_with_another_sender_s_is_not_lost(start_server):
    """A signal that is pending takes no second sender: the server sees only the first."""
    server = start_server("--slots=1", "--grace-seconds=10")
    pid = server.server_pid()
    os.kill(pid, signal.SIGSTOP)
    os.kill(pid, signal.SIGTERM)
    server.process.send_signal(signal.SIGTERM)
    time.sleep(0.2)  # nothing to poll for: the monitor's signal vanishes in the one that is pending
    os.kill(pid, signal.SIGCONT)
    assert server.process.wait(15) == 0


def test_idle_service_stops_at_once(start_server):
    server = start_server("--slots=1", "--grace-seconds=30")
    started = time.monotonic()
    server.stop()
    assert time.monotonic() - started < 12


@pytest.mark.parametrize("role", ["server_pid", "zygote_pid"])
def test_a_role_that_dies_is_started_again(start_server, role):
    server = start_server("--slots=1")
    _, token = start_marked(server)
    victim = getattr(server, role)()
    os.kill(victim, signal.SIGKILL)
    procs.poll(lambda: not procs.with_argument(token), 3, "the run of a dead role is dead")
    server.client.close()
    procs.poll(server.is_ready, 8, "ready again")
    assert server.execute(QUICK).json == {"result": 1, "stdout": ""}
    server.stop()


@independent
def test_thirty_seconds(thirty_seconds):
    """The limit as it comes, by the seed's own words. Runs beside the other tests, see conftest."""
    answer = thirty_seconds()
    assert (answer.status, answer.outcome) == (400, "timeout"), answer
    assert answer.json["error"] == "Script execution timed out (30s limit)"
    assert answer.json["stdout"] == "before\n"
    assert 29.9 < answer.seconds < 42
