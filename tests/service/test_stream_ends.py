"""How a stream ends when the service stops or fails, and what log and metrics tell of one: its status went out before."""
import os
import signal

from support import procs
from support.events import Stream
from support.gauges import ready
from support.log_events import event_of
from support.scripts import BEGINS, WRITES


def test_a_service_that_stops_ends_it_with_an_error(start_server):
    server = start_server("--slots=1", "--grace-seconds=1")
    with Stream(server.port, BEGINS) as answer:
        assert answer.read().data == "begun\n"
        server.process.send_signal(signal.SIGTERM)
        last = list(answer)[-1]
    assert (last.name, last.data["outcome"], last.data["stdout"]) == ("error", "overloaded", "begun\n")
    server.has_stopped()


def test_a_service_that_stops_lets_it_end(start_server):
    server = start_server("--slots=1")
    with Stream(server.port, "import time\ndef main():\n    print(1)\n    time.sleep(1.5)\n    return 7\n") as answer:
        answer.read()
        server.process.send_signal(signal.SIGTERM)
        assert list(answer)[-1].data == {"result": 7, "stdout": "1\n"}
    server.has_stopped()


def test_a_fault_of_the_service_is_one_in_the_log_too(start_server):
    """The status was sent before it was known: what the plain answer would be tells how serious it is."""
    server = start_server("--slots=1", "--log=json")
    with Stream(server.port, BEGINS, headers={"X-Request-Id": "stream-0"}) as answer:
        assert answer.read().data == "begun\n"
        os.kill(server.zygote_pid(), signal.SIGKILL)
        last = list(answer)[-1]
    assert (last.name, last.data["outcome"], last.data["stdout"]) == ("error", "internal", "begun\n")
    told = event_of(server, "stream-0")
    assert (told["severity"], told["outcome"], told["httpRequest"]["status"]) == ("ERROR", "internal", 200)


def test_log_and_metrics(start_server):
    server = start_server("--slots=2", "--log=json")

    with Stream(server.port, "def main():\n    print('x' * 50000)\n    1/0\n", headers={"X-Request-Id": "stream-1"}) as answer:
        size = len(answer.response.read())
    told = event_of(server, "stream-1")
    assert (told["httpRequest"]["status"], told["outcome"]) == (200, "exception")
    assert int(told["httpRequest"]["responseSize"]) == size > 100000
    assert told["run_ms"] > 0 and told["queue_ms"] >= 0
    with Stream(server.port, BEGINS, headers={"X-Request-Id": "stream-2"}) as answer:
        answer.read()
    told = event_of(server, "stream-2")
    assert (told["httpRequest"]["status"], told["outcome"]) == (200, "cancelled")
    assert int(told["httpRequest"]["responseSize"]) > 0
    with Stream(server.port, WRITES, receive_bytes=4096, args=[9], timeout_seconds=5, headers={"X-Request-Id": "stream-3"}):
        procs.poll(lambda: ready(server) == 0, 8, "its time is over")
    told = event_of(server, "stream-3")
    assert (told["httpRequest"]["status"], told["outcome"]) == (200, "timeout")
    assert int(told["httpRequest"]["responseSize"]) > 50000
    text = server.client.get("/metrics").body.decode()
    assert 'code_runner_http_requests_total{code="200",target="execute"} 3' in text
    assert 'code_runner_runs_total{outcome="timeout"} 1' in text
    assert 'code_runner_runs_total{outcome="exception"} 1' in text
    assert 'code_runner_runs_total{outcome="cancelled"} 1' in text
