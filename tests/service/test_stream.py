"""POST /execute with Accept: text/event-stream: output while the script runs, and the same answer at the end."""
import pytest

from support import procs
from support.client import execute_bytes
from support.events import EVENTS, Stream, stream, text_of
from support.gauges import ready
from support.scripts import PLAIN


def is_as_plain(events, answer):
    """The last event is the plain answer, and the events before have the output that is in it."""
    last = events[-1]
    assert (last.name, last.data) == ("result" if answer.status == 200 else "error", answer.json)
    assert {event.name for event in events[:-1]} <= {"stdout", "stderr", None}
    assert text_of(events, "stdout") == answer.json.get("stdout", "")
    if "code-runner: " not in answer.json.get("stderr", ""):
        assert text_of(events, "stderr") == answer.json.get("stderr", "")


def test_output_comes_while_the_script_runs(narrow):
    script = "import time\ndef main():\n    for i in range(4):\n        print('tick', i)\n        time.sleep(0.2)\n    time.sleep(20)\n"
    events, ticks = [], "tick 0\ntick 1\ntick 2\ntick 3\n"
    with Stream(narrow.port, script) as answer:
        while text_of(events, "stdout") != ticks:
            events.append(answer.read())
            assert events[-1].name in ("stdout", None), events
        assert ready(narrow) == 1


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
    for _ in range(3):  # a server that stands still when one is due finds the result first
        before = procs.cpu_seconds(service.server_pid())
        events = stream(service, "import time\ndef main():\n    time.sleep(6.5)\n    return 1\n")
        *beats, last = events
        assert last.name == "result" and {event.name for event in beats} <= {None}, events
        assert procs.cpu_seconds(service.server_pid()) - before < 0.5
        if beats:
            break
    assert beats and beats[0].seconds > 4 and len(beats) <= last.seconds / 4, events  # each after 5 s


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
