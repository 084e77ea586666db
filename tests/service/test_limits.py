"""The limits of one run: the service's own, by flag, and lower ones that a request asks for."""
import base64
from concurrent.futures import ThreadPoolExecutor

import pytest

from support import procs
from support.client import Client

SLEEP = "import time\ndef main():\n    print('before')\n    time.sleep(20)\n"
TOUCH = """
def main():
    print('before')
    held = bytearray(b'x') * (%d << 20)
    import time; time.sleep(%s)
    return len(held) >> 20
"""
CHILDREN = """
import os, time
def main():
    print('before', flush=True)
    for _ in range(4):
        if os.fork() == 0:
            held = bytearray(b'x') * (30 << 20)
            time.sleep(20)
            os._exit(0)
    time.sleep(20)
"""


@pytest.fixture(scope="module", params=["", "--without=cgroup"], ids=["all layers", "watchdog"])
def server(request, start_server):
    flags = [request.param] if request.param else []
    return start_server("--slots=1", "--pool=1", *flags)


def test_lower_timeout(server):
    for seconds, text in ((1, "1s"), (0.5, "0.5s"), (1.25, "1.25s")):
        def run():
            answer = server.execute(SLEEP, timeout_seconds=seconds)
            return answer if answer.json.get("stdout") else None
        answer = procs.poll(run, 15, "it prints in its time: not if the machine stands still")
        assert (answer.status, answer.outcome) == (400, "timeout"), answer
        assert answer.json["error"] == f"Script execution timed out ({text} limit)"
        assert answer.json["stdout"] == "before\n" and seconds <= answer.seconds < seconds + 12
    assert server.execute("import time\ndef main():\n    time.sleep(1.5)\n    return 1\n").json["result"] == 1


@pytest.mark.parametrize("layer", [[], ["--without=cgroup"]], ids=["all layers", "watchdog"])
def test_inputs_over_lower_memory(start_server, layer):
    """The worker is killed while it reads them. That is the request's fault, and another worker would fare no better."""
    server = start_server("--slots=1", "--pool=1", "--input-mb=60", "--file-mb=60", *layer)
    files = {"a": base64.b64encode(bytes(50 << 20)).decode()}

    def killed():
        answer = server.execute("def main():\n    pass\n", memory_mb=32, files=files)
        # The watchdog looks now and then, and a worker may have read them and be done before it does.
        return None if layer and answer.status == 200 else answer
    answer = procs.poll(killed, 60, "the watchdog sees it while it reads")
    assert (answer.status, answer.outcome) == (400, "memory"), answer
    assert answer.json["error"] == "Memory limit exceeded (32MB limit)"
    assert "another one is taken" not in server.log()
    assert server.execute("def main():\n    return 1\n").json["result"] == 1


@pytest.mark.parametrize("hog", [TOUCH % (120, 20), CHILDREN], ids=["one process", "children"])
def test_lower_memory(server, hog):
    answer = server.execute(hog, memory_mb=80)
    assert (answer.status, answer.outcome) == (400, "memory"), answer
    assert answer.json["error"] == "Memory limit exceeded (80MB limit)"
    assert answer.json["stdout"] == "before\n" and answer.seconds < 15


def test_enough_for_what_fits(server):
    for memory in (100, 100.5, 299, 300):
        answer = server.execute(TOUCH % (60, 0.3), memory_mb=memory)
        assert answer.json.get("result") == 60, (memory, answer)


def test_least_memory_still_runs_a_script(server):
    for _ in range(5):
        answer = server.execute("import json, re\ndef main():\n    return sum(range(100))\n", memory_mb=32)
        assert answer.json == {"result": 4950, "stdout": ""}, answer


def test_next_run_has_the_full_limit_again(server):
    """More runs than there are slots, so that each comes after one that had less."""
    for _ in range(6):
        assert server.execute(TOUCH % (120, 10), memory_mb=64).outcome == "memory"
        answer = server.execute(TOUCH % (200, 0.3))
        assert answer.json.get("result") == 200, answer


def test_runs_beside_each_other_have_their_own(start_server):
    server = start_server("--slots=4", "--memory-mb=200")
    def run(memory):
        return memory, Client(server.port).execute(TOUCH % (110, 10 if memory < 100 else 0.5), memory_mb=memory)
    with ThreadPoolExecutor(4) as threads:
        for memory, answer in threads.map(run, [64, 200, 80, 180] * 6):
            if memory < 100:
                assert answer.json["error"] == f"Memory limit exceeded ({memory}MB limit)", answer
            else:
                assert answer.json.get("result") == 110, (memory, answer)


@pytest.mark.mode_independent
@pytest.mark.parametrize("fields, says", [
    ({"timeout_seconds": 31}, "'timeout_seconds' must be over 0 and at most 30"),
    ({"timeout_seconds": 0}, "'timeout_seconds' must be over 0 and at most 30"),
    ({"timeout_seconds": "1"}, "'timeout_seconds' must be a number"),
    ({"memory_mb": 301}, "'memory_mb' must be from 32 to 300"),
    ({"memory_mb": 31}, "'memory_mb' must be from 32 to 300"),
    ({"memory_mb": None}, "'memory_mb' must be a number"),
])
def test_never_more_than_the_service_allows(service, fields, says):
    answer = service.execute("def main(): return 1", **fields)
    assert (answer.status, answer.outcome) == (400, "invalid_request")
    assert says in answer.json["error"]


@pytest.mark.parametrize("flag, script, fields, outcome, text", [
    ("--timeout-seconds=2", SLEEP, {}, "timeout", "Script execution timed out (2s limit)"),
    ("--timeout-seconds=2", SLEEP, {"timeout_seconds": 3}, "invalid_request", "Field 'timeout_seconds' must be over 0 and at most 2"),
    ("--memory-mb=64", TOUCH % (100, 10), {}, "memory", "Memory limit exceeded (64MB limit)"),
    ("--memory-mb=64", "x", {"memory_mb": 65}, "invalid_request", "Field 'memory_mb' must be from 32 to 64"),
    ("--memory-mb=64", "def main(): raise MemoryError", {}, "memory", "Memory limit exceeded (64MB limit)"),
    ("--output-mb=2", "def main(): print('x' * 3000000)", {}, "output", "Output limit exceeded (2MB limit)"),
    ("--output-mb=2", "def main(): return 'x' * 3000000", {}, "output", "Output limit exceeded (2MB limit)"),
    ("--script-bytes=100", "#" * 101, {}, "invalid_request", "Invalid script size: 101 bytes (limit 100)"),
])
def test_texts_follow_the_flags(start_server, flag, script, fields, outcome, text):
    answer = start_server("--slots=1", flag).execute(script, **fields)
    assert (answer.status, answer.outcome, answer.json["error"]) == (400, outcome, text), answer


@pytest.mark.parametrize("flag, script, text", [
    ("--processes=8", "import os, time\ndef main():\n    for _ in range(9):\n        if os.fork() == 0: time.sleep(20)\n    time.sleep(20)", "(8 limit)"),
    ("--scratch-mb=2", "import time\ndef main():\n    for n in range(5): open(str(n), 'wb').write(bytes(1 << 20))\n    time.sleep(20)", "(2MB limit)"),
])
def test_texts_of_the_watchdog_follow_the_flags(start_server, flag, script, text):
    without = "--without=namespaces,network-namespace,private-root,private-proc,cgroup,unique-uid"
    answer = start_server("--slots=1", flag, without).execute(script)
    assert answer.outcome == "killed" and text in answer.json["error"], answer
