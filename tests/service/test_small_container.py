"""In a container of 512 MiB, the default of the usual hosts: one script at a time, each with its 300 MB."""
import contextlib
import socket
import time

import pytest

from support import procs
from support.client import execute_bytes, head
from support.gauges import anonymous_mb
from support.memory_group import MB, MemoryGroup

pytestmark = [pytest.mark.mode_independent, pytest.mark.plain_memory]  # the loaded interpreter is what could not fit


@pytest.fixture(scope="module")
def small(service, start_server):
    """(server, its group). What is read of files first counts for who reads it: the other service has by now."""
    assert service.is_ready()
    group = MemoryGroup(512)
    try:
        server = start_server("--queue=16", "--start=warm", libraries=True, wrapper=group.wrapper)
        yield server, group
        server.stop()
    finally:
        group.remove()


def settled_mb(server):
    """When it has read and freed what there is."""
    def look():
        before = anonymous_mb(server)
        time.sleep(0.1)
        return abs(anonymous_mb(server) - before) < 0.1 and before

    return procs.poll(look, 5, "the server rests")


def test_it_is_limited(small):
    server, group = small
    assert all(group.has(pid) for pid in (server.pid, server.server_pid(), server.zygote_pid()))
    assert server.client.get("/ready").json["slots"] == 1


def test_no_worker_has_pages_ahead_of_need(small):
    assert ", 0 of libraries" in small[0].log()


ANSWERS = {
    "trivial": ("def main():\n    return 1\n", 1),
    "pandas": ("import pandas as pd\ndef main():\n    return pd.DataFrame({'k': [1, 1, 2], 'v': [1, 2, 3]}).groupby('k').v.sum().tolist()\n", [3, 3]),
    "220 MB": ("import numpy as np\ndef main():\n    return int(np.ones(220_000_000, dtype=np.uint8).sum())\n", 220_000_000),
    "all libraries": ("import numpy as np, seaborn as sns, matplotlib.pyplot as plt\nfrom sklearn.cluster import KMeans\ndef main():\n"
                      "    KMeans(2, n_init=2).fit(np.random.rand(1000, 4)); sns.histplot([1, 2, 2]); plt.savefig('f.png'); plt.close(); return 1\n", 1),
}
TOO_MUCH = "import numpy as np\ndef main():\n    print('before')\n    return len(np.ones(400_000_000, dtype=np.uint8))\n"


@pytest.mark.parametrize("name", ANSWERS)
def test_answers(small, name):
    text, result = ANSWERS[name]
    for _ in range(2):
        answer = small[0].execute(text)
        assert (answer.status, answer.json) == (200, {"result": result, "stdout": ""}), answer


def test_too_much_is_the_scripts_fault_and_nobody_elses(small):
    server, _ = small
    roles = [server.server_pid(), server.zygote_pid()]
    for _ in range(3):
        answer = server.execute(TOO_MUCH)
        assert (answer.status, answer.outcome) == (400, "memory"), answer
        assert answer.json["error"] == "Memory limit exceeded (300MB limit)"
        assert server.execute(ANSWERS["trivial"][0]).json["result"] == 1
    assert roles == [server.server_pid(), server.zygote_pid()]


def test_answers_and_requests_take_their_share_and_no_more(small):
    """A tenth and a twelfth of the container's memory: 51 and 42 MiB, where a larger one lets them have 256 and 160."""
    server, _ = small
    with contextlib.ExitStack() as stack:
        before = anonymous_mb(server)
        for _ in range(12):
            raw = stack.enter_context(server.raw())
            raw.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            raw.send(execute_bytes("def main():\n    return 'x' * 9_000_000\n"))
            raw.socket.recv(100, socket.MSG_PEEK)
        held = anonymous_mb(server) - before
    with contextlib.ExitStack() as stack:
        procs.poll(lambda: anonymous_mb(server) - before < 5, 10, "the answers are gone")
        for _ in range(12):
            raw = stack.enter_context(server.raw())
            body = b'{"script": "x", "stdin": "' + b"x" * 9_000_000 + b'"}'
            raw.send((head(Content_Type="application/json", Content_Length=len(body)) + body)[:-1])
        procs.poll(lambda: anonymous_mb(server) - before > 20, 5, "the server has read its share")
        kept = settled_mb(server) - before
    assert 30 < held < 75 and 20 < kept < 60, (held, kept)


def test_there_is_room(small):
    """Loading, and a script that takes all of its 300 MB, stay below the container's limit."""
    server, group = small
    assert server.execute(TOO_MUCH).outcome == "memory"
    assert 300 * MB < group.peak_bytes() < 505 * MB
