"""In a container of 512 MiB, the default of the usual hosts: one script at a time, each with its 300 MB."""
import pytest

from support.memory_group import MB, MemoryGroup

pytestmark = [pytest.mark.mode_independent, pytest.mark.plain_memory]  # the loaded interpreter is what could not fit


@pytest.fixture(scope="module")
def small(start_server):
    """(server, its group)"""
    group = MemoryGroup(512)
    try:
        server = start_server("--queue=16", "--start=warm", libraries=True, wrapper=group.wrapper)
        yield server, group
        server.stop()
    finally:
        group.remove()


def test_it_is_limited(small):
    server, group = small
    assert all(group.has(pid) for pid in (server.pid, server.server_pid(), server.zygote_pid()))
    assert server.client.get("/ready").json["slots"] == 1


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


def test_there_is_room(small):
    """Loading, and a script that takes all of its 300 MB, stay below the container's limit."""
    server, group = small
    assert server.execute(TOO_MUCH).outcome == "memory"
    assert 300 * MB < group.peak_bytes() < 505 * MB
