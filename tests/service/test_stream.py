"""POST /execute with Accept: text/event-stream: output while the script runs, and the same answer at the end."""
import json
import os
import signal
import socket
import struct
import time

import pytest

from support import procs
from support.client import execute_bytes
from support.events import EVENTS, Stream, text_of

PLAIN = "def main():\n    return 42\n"
SLEEPS = "import time\ndef main():\n    print('begun')\n    time.sleep(20)\n"
# Prints megabytes, and returns the longest time that one write took.
WRITES = """
import os, time
def main(megabytes, width=65536):
    longest, chunk = 0, (b"x" * 99 + b"\\n") * (width // 100)
    left = megabytes << 20
    while left > 0:
        before = time.monotonic()
        left -= os.write(1, chunk[:left])
        longest = max(longest, time.monotonic() - before)
    return longest
"""


def stream(server, script, **fields):
    """All events of one, as a list."""
    with Stream(server.port, script, **fields) as answer:
        assert (answer.status, answer.headers["Content-Type"]) == (200, EVENTS)
        return list(answer)


def is_as_plain(events, answer):
    """The last event is the plain answer, and the events before have the output that is in it."""
    last = events[-1]
    assert (last.name, last.data) == ("result" if answer.status == 200 else "error", answer.json)
    assert {event.name for event in events[:-1]} <= {"stdout", "stderr", None}
    assert text_of(events, "stdout") == answer.json.get("stdout", "")
    if "code-runner: " not in answer.json.get("stderr", ""):
        assert text_of(events, "stderr") == answer.json.get("stderr", "")


def ready(server, name="running"):
    return server.client.get("/ready").json[name]


# ---- events ----

def test_output_comes_while_the_script_runs(lone):
    script = "import time\ndef main():\n    for i in range(4):\n        print('tick', i)\n        time.sleep(0.2)\n    time.sleep(20)\n"
    events, ticks = [], "tick 0\ntick 1\ntick 2\ntick 3\n"
    with Stream(lone.port, script) as answer:
        while text_of(events, "stdout") != ticks:
            events.append(answer.read())
            assert events[-1].name in ("stdout", None), events
        assert ready(lone) == 1


SCRIPTS = {
    "returns": PLAIN,
    "prints": "def main():\n    print('é', end='\\0')\n",
    "both": "import sys\ndef main():\n    print('out')\n    print('err', file=sys.stderr)\n    return 1\n",
    "child": "import subprocess\ndef main():\n    subprocess.run(['/bin/echo', 'child'])\n",
    "exception": "print('at import')\ndef main():\n    print('before')\n    1/0\n",
    "no_main": "print('never')\n",
    "syntax": "def main(:\n",
    "exited": "import os\ndef main():\n    print('x', flush=True)\n    os._exit(3)\n",
    "killed": "import os, signal\ndef main():\n    os.kill(os.getpid(), signal.SIGKILL)\n",
    "bad_result": "def main():\n    return {1}\n",
    "many lines": "def main():\n    for i in range(30000):\n        print(i)\n",
    "no end of line": "import sys\ndef main():\n    sys.stdout.write('a' * 100000)\n",
    "left behind": "import subprocess\ndef main():\n    subprocess.Popen(['/bin/sh', '-c', 'echo x; sleep 60'])\n    return 1\n",
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_last_event_is_the_plain_answer(service, name):
    if name == "left behind":  # what a child prints depends on when it is killed
        events = stream(service, SCRIPTS[name])
        assert text_of(events, "stdout") == events[-1].data["stdout"]
    else:
        is_as_plain(stream(service, SCRIPTS[name]), service.execute(SCRIPTS[name]))


def test_inputs_files_and_figures_too(service):
    script = """
import sys
import matplotlib.pyplot as plt
def main(name):
    print(name, sys.stdin.read(), open("a.txt").read())
    plt.plot([1, 2])
"""
    fields = {"args": {"name": "n"}, "stdin": "s", "files": {"a.txt": "YQ=="}, "return_files": ["*.txt", "*.none"]}
    events, answer = stream(service, script, **fields), service.execute(script, **fields)
    is_as_plain(events, answer)
    assert answer.json["figures"] and answer.json["files"] and answer.json["stdout"] == "n s a\n"


WHOLE = "aé€😀z".encode()
BROKEN = b"\xff(\xc3(\xe2\x82\xf0\x9f\x98\x98\x80\xed\xa0\x80"
CUT = b"z\xf0\x9f\x98"


@pytest.mark.parametrize("printed", [WHOLE, BROKEN, CUT], ids=["whole", "broken", "cut"])
def test_characters_are_whole_over_the_borders_of_writes(service, printed):
    """At each byte. What is waited for between two writes is that the first has been read."""
    script = f"""
import fcntl, os, struct, termios, time
def put(descriptor, some):
    os.write(descriptor, some)
    until = time.monotonic() + 5
    while struct.unpack("i", fcntl.ioctl(descriptor, termios.FIONREAD, b"....")) != (0,) and time.monotonic() < until:
        time.sleep(0.001)
def main(descriptor):
    printed = {printed!r}
    for border in range(len(printed) + 1):
        put(descriptor, printed[:border])
        put(3 - descriptor, b"|")
        put(descriptor, printed[border:] + b"\\n")
"""
    expected = b"".join(printed + b"\n" for _ in range(len(printed) + 1)).decode(errors="replace")
    for descriptor, name in ((1, "stdout"), (2, "stderr")):
        events = stream(service, script, args=[descriptor])
        assert events[-1].name == "result", events[-1]
        assert text_of(events, name) == events[-1].data[name] == expected
        assert len([event for event in events if event.name == name]) > len(printed)


def test_a_flood_of_both_ends_at_the_limit(start_server):
    server = start_server("--slots=2", "--output-mb=1")
    script = "import os\ndef main():\n    while True:\n        os.write(1, b'o' * 7)\n        os.write(2, b'e' * 5)\n"
    events = stream(server, script)
    last = events[-1]
    assert (last.name, last.data["outcome"]) == ("error", "output")
    assert last.data["error"] == "Output limit exceeded (1MB limit)"
    out, err = text_of(events, "stdout"), text_of(events, "stderr")
    assert (out, err) == (last.data["stdout"], last.data["stderr"])
    assert len(out) + len(err) == 1 << 20 and set(out) == {"o"} and set(err) == {"e"}


def test_a_silent_script_has_heartbeats_and_costs_nothing(service):
    before = procs.cpu_seconds(service.server_pid())
    events = stream(service, "import time\ndef main():\n    time.sleep(6.5)\n    return 1\n")
    *beats, last = events
    assert last.name == "result" and {event.name for event in beats} == {None}, events
    assert beats[0].seconds > 4 and len(beats) <= last.seconds / 4, events  # each after 5 s
    assert procs.cpu_seconds(service.server_pid()) - before < 0.5


def test_the_connection_is_kept(service):
    body = execute_bytes("def main():\n    print('x' * 100000)\n", Accept=EVENTS)
    with service.raw() as raw:
        for _ in range(3):
            raw.send(body)
            assert raw.file.readline() == b"HTTP/1.1 200 OK\r\n"
            while (line := raw.file.readline()) != b"0\r\n":
                assert line, "closed"
            assert raw.file.readline() == b"\r\n"
        raw.send(execute_bytes(PLAIN))
        assert raw.read_answer().json == {"result": 42, "stdout": ""}


# ---- who gets them ----

@pytest.mark.mode_independent
@pytest.mark.parametrize("accept, wanted", [
    ("text/event-stream", True), ("text/event-stream;q=0.5, application/json;q=0.4", True),
    ("text/event-stream, */*;q=0.1", True), ("application/json, text/event-stream;q=0.9", False),
    ("text/event-stream;q=0", False), ("*/*", False), ("text/*", False)])
def test_accept(service, accept, wanted):
    with Stream(service.port, PLAIN, headers={"Accept": accept}) as answer:
        assert answer.headers["Content-Type"] == (EVENTS if wanted else "application/json")
        assert answer.headers["X-Request-Id"]
        assert (answer.headers["X-Accel-Buffering"] == "no") == wanted
        assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.mode_independent
@pytest.mark.parametrize("lines, wanted", [
    (["application/json;q=0.5", EVENTS], EVENTS), ([EVENTS, "application/json;q=0.5"], EVENTS),
    ([EVENTS + ";q=0.5", "application/json"], "application/json")])
def test_several_accept_lines_are_one(service, lines, wanted):
    with service.raw() as raw:
        raw.send(execute_bytes(PLAIN).replace(b"\r\n\r\n", "".join(f"\r\nAccept: {line}" for line in lines).encode() + b"\r\n\r\n", 1))
        assert raw.read_answer(with_body=False).headers["Content-Type"] == wanted


@pytest.mark.mode_independent
def test_an_old_client_gets_the_plain_answer(service):
    with service.raw() as raw:
        raw.send(execute_bytes(PLAIN, Accept=EVENTS).replace(b"HTTP/1.1", b"HTTP/1.0"))
        answer = raw.read_answer()
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.json == {"result": 42, "stdout": ""}


@pytest.mark.mode_independent
@pytest.mark.parametrize("body, headers, status", [
    (b"{}", {}, 400), (b"no json", {}, 400), (b"{}", {"Content-Type": "text/plain"}, 415), (b" " * (33 << 20), {}, 413)],
    ids=["field", "json", "type", "size"])
def test_what_is_wrong_with_the_request_has_its_status(service, body, headers, status):
    answer = service.client.post(body, {"Content-Type": "application/json", "Accept": EVENTS, **headers})
    assert (answer.status, answer.headers["Content-Type"], answer.outcome) == (status, "application/json", "invalid_request")


@pytest.mark.mode_independent
def test_without_a_token_no_stream(start_server):
    server = start_server("--slots=1", environment={"CODE_RUNNER_TOKENS": "secret"})
    with Stream(server.port, PLAIN) as answer:
        assert (answer.status, answer.headers["Content-Type"]) == (401, "application/json")
    with Stream(server.port, PLAIN, headers={"Authorization": "Bearer secret"}) as answer:
        assert [event.data for event in answer] == [{"result": 42, "stdout": ""}]


@pytest.fixture(scope="module")
def lone(start_server):
    return start_server("--slots=1", "--queue=1")


def test_one_that_waited_for_nothing_gets_its_status(start_server):
    """The head comes when the script starts; before, a 503 is still a 503."""
    server = start_server("--slots=1", "--queue=1", "--queue-wait-seconds=1")
    with Stream(server.port, SLEEPS) as first:
        assert first.read().data == "begun\n"
        with Stream(server.port, PLAIN) as second:
            assert (second.status, second.headers["Content-Type"]) == (503, "application/json")
            assert json.loads(second.response.read())["outcome"] == "overloaded"
    assert [event.data for event in stream(server, PLAIN)] == [{"result": 42, "stdout": ""}]


def test_one_that_waited_gets_its_events(lone):
    """And one for which there is no room to wait, its status."""
    with lone.raw() as second:
        with Stream(lone.port, SLEEPS) as first:
            assert first.read().data == "begun\n"
            second.send(execute_bytes(PLAIN, Accept=EVENTS))
            procs.poll(lambda: ready(lone, "waiting") == 1, 2, "one waits")
            with Stream(lone.port, PLAIN) as third:
                assert (third.status, third.headers["Content-Type"]) == (503, "application/json")
                assert int(third.headers["Retry-After"]) >= 1
        answer = second.read_answer(with_body=False)
        assert (answer.status, answer.headers["Content-Type"]) == (200, EVENTS)
        _, *lines = [second.file.readline() for _ in range(3)]
        assert lines == [b"event: result\n", b'data: {"result": 42, "stdout": ""}\n'], lines


# ---- readers that are slow, or leave ----

def reset(answer):
    answer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    answer.close()


def anonymous_mb(server):
    return int(procs.status(server.server_pid())["RssAnon"].split()[0]) / 1024


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
@pytest.mark.parametrize("script", [SLEEPS, WRITES.replace("main(megabytes", "main(megabytes=9")], ids=["silent", "stalled"])
def test_one_that_leaves_ends_its_script(lone, leave, script):
    """At once: a heartbeat, which would meet nobody, comes 4 s later. Once at least, since the machine may stand still."""
    assert any(seconds_until_free(lone, script, leave) < 3 for _ in range(3))
    assert lone.execute(PLAIN).status == 200


def connections(server):
    text = server.client.get("/metrics").body.decode()
    return int(text.split("\ncode_runner_connections ")[1].split()[0])


def test_one_that_sends_no_more_and_reads_nothing_is_not_kept(lone):
    """Its run is over, so nothing else would ever end the connection: it is full, and has no deadline."""
    with Stream(lone.port, WRITES, receive_bytes=4096, args=[9]) as answer:
        time.sleep(0.5)
        procs.poll(lambda: connections(lone) == 2, 2, "none is left of those before")
        answer.socket.shutdown(socket.SHUT_WR)
        procs.poll(lambda: connections(lone) == 1, 2, "it is closed")
        assert ready(lone) == 0


# ---- ends that the service makes ----

def test_a_service_that_stops_ends_it_with_an_error(start_server):
    server = start_server("--slots=1", "--grace-seconds=1")
    with Stream(server.port, SLEEPS) as answer:
        assert answer.read().data == "begun\n"
        server.process.send_signal(signal.SIGTERM)
        last = list(answer)[-1]
    assert (last.name, last.data["outcome"], last.data["stdout"]) == ("error", "overloaded", "begun\n")
    server.stop()


def test_a_service_that_stops_lets_it_end(start_server):
    server = start_server("--slots=1")
    with Stream(server.port, "import time\ndef main():\n    print(1)\n    time.sleep(1.5)\n    return 7\n") as answer:
        answer.read()
        server.process.send_signal(signal.SIGTERM)
        assert list(answer)[-1].data == {"result": 7, "stdout": "1\n"}
    server.stop()


# ---- what is told of it ----

def lines_of(server, request_id):
    return [json.loads(text) for text in server.log().splitlines() if request_id in text]


def test_a_fault_of_the_service_is_one_in_the_log_too(start_server):
    """The status was sent before it was known: what the plain answer would be tells how serious it is."""
    server = start_server("--slots=1", "--log=json")
    with Stream(server.port, SLEEPS, headers={"X-Request-Id": "stream-0"}) as answer:
        assert answer.read().data == "begun\n"
        os.kill(server.zygote_pid(), signal.SIGKILL)
        last = list(answer)[-1]
    assert (last.name, last.data["outcome"], last.data["stdout"]) == ("error", "internal", "begun\n")
    told, = procs.poll(lambda: lines_of(server, "stream-0"), 3, "it is logged")
    assert (told["severity"], told["outcome"], told["httpRequest"]["status"]) == ("ERROR", "internal", 200)


def test_log_and_metrics(start_server):
    server = start_server("--slots=2", "--log=json")

    with Stream(server.port, "def main():\n    print('x' * 50000)\n    1/0\n", headers={"X-Request-Id": "stream-1"}) as answer:
        size = len(answer.response.read())
    told, = procs.poll(lambda: lines_of(server, "stream-1"), 3, "it is logged")
    assert (told["httpRequest"]["status"], told["outcome"]) == (200, "exception")
    assert int(told["httpRequest"]["responseSize"]) == size > 100000
    assert told["run_ms"] > 0 and told["queue_ms"] >= 0
    with Stream(server.port, SLEEPS, headers={"X-Request-Id": "stream-2"}) as answer:
        answer.read()
    told, = procs.poll(lambda: lines_of(server, "stream-2"), 3, "the one that left is logged")
    assert (told["httpRequest"]["status"], told["outcome"]) == (200, "cancelled")
    assert int(told["httpRequest"]["responseSize"]) > 0
    with Stream(server.port, WRITES, receive_bytes=4096, args=[9], timeout_seconds=2, headers={"X-Request-Id": "stream-3"}):
        procs.poll(lambda: ready(server) == 0, 3, "its time is over")
    told, = procs.poll(lambda: lines_of(server, "stream-3"), 3, "the one that left after the script's end is logged")
    assert (told["httpRequest"]["status"], told["outcome"]) == (200, "timeout")
    assert int(told["httpRequest"]["responseSize"]) > 50000
    text = server.client.get("/metrics").body.decode()
    assert 'code_runner_http_requests_total{code="200",target="execute"} 3' in text
    assert 'code_runner_runs_total{outcome="timeout"} 1' in text
    assert 'code_runner_runs_total{outcome="exception"} 1' in text
    assert 'code_runner_runs_total{outcome="cancelled"} 1' in text
