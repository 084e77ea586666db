"""While it is quiet, the worker that is next has the pages that scripts with libraries write to: one worker has
them, it is the next, its script sees nothing of it, and none has them where memory is short."""
import time

import pytest

from support import procs

pytestmark = [pytest.mark.mode_independent, pytest.mark.plain_memory]  # about the loaded interpreter's pages

HAS_MANY_KB, HAS_FEW_KB = 8000, 5000
OWN = """
def main():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("RssAnon"))
"""
DRAW = """
import io
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

def main():
    frame = pd.DataFrame({"k": list("aabb"), "v": np.arange(4.0)})
    frame.groupby("k").v.sum().plot.bar()
    file = io.BytesIO()
    plt.savefig(file, format="png")
    plt.close("all")
    return [frame.v.sum(), file.getvalue()[1:4].decode()]
"""


@pytest.fixture(scope="module")
def server(start_server):
    server = start_server("--start=warm", "--slots=2", "--pool=3", libraries=True)
    yield server
    server.stop()


def own_kb(server):
    """Of the waiting workers, in order."""
    inits = procs.children(server.zygote_pid())
    workers = [pid for init in inits for pid in procs.children(init) if not procs.is_dead(pid)]
    return sorted(int(procs.status(pid)["RssAnon"].split()[0]) for pid in workers)


def wait_until_one_has_them(server):
    def look():
        try:
            kb = own_kb(server)
        except (OSError, KeyError):  # gone meanwhile
            return None
        return len(kb) == 3 and kb[2] > HAS_MANY_KB and kb

    return procs.poll(look, what="a waiting worker with the libraries' pages")


def test_one_waiting_worker_has_them(server):
    for _ in range(3):
        kb = wait_until_one_has_them(server)
        assert kb[1] < HAS_FEW_KB, kb
        assert server.execute("def main():\n    return 1\n").json["result"] == 1


def test_it_is_the_next(server):
    wait_until_one_has_them(server)
    assert server.execute(OWN).json["result"] > HAS_MANY_KB


def test_a_script_after_another_does_not_wait_for_them(server):
    kb = []
    for _ in range(50):
        kb.append(server.execute(OWN).json["result"])
        if len(kb) > 1 and min(kb) < HAS_FEW_KB:
            return
    raise AssertionError(f"each of {len(kb)} workers had them: {kb}")


def test_answers_are_the_same(server):
    for _ in range(3):
        wait_until_one_has_them(server)
        answer = server.execute(DRAW)
        assert (answer.status, answer.json["result"]) == (200, [6.0, "PNG"]), answer


def test_none_without_a_cgroup(start_server):
    """The watchdog counts a page for each process that shares it: with them, these would have 400 MB."""
    text = ("import os, time\ndef main():\n    pids = []\n    for _ in range(32):\n        pid = os.fork()\n"
            "        if pid == 0:\n            time.sleep(1)\n            os._exit(0)\n        pids.append(pid)\n"
            "    return sum(os.waitpid(pid, 0)[1] for pid in pids)\n")
    server = start_server("--start=warm", "--slots=2", "--pool=3", "--without=cgroup", libraries=True)
    assert ", 0 of libraries" in server.log()
    time.sleep(0.2)
    answer = server.execute(text)
    assert (answer.status, answer.json.get("result")) == (200, 0), answer
    server.stop()


def test_a_script_with_little_memory_has_all_of_it(server):
    """32 MB are a request's least; the 12 MB that were there before it are not of them."""
    text = "def main():\n    return len(bytearray(22 << 20))\n"
    wait_until_one_has_them(server)
    answer = server.execute(text, memory_mb=32)
    assert (answer.status, answer.json.get("result")) == (200, 22 << 20), answer
