"""In a container of 512 MiB, the default of the usual hosts: one script at a time, each with its 300 MB."""
import contextlib
import os
import pathlib
import uuid

import pytest

pytestmark = [pytest.mark.mode_independent, pytest.mark.plain_memory]  # the loaded interpreter is what could not fit

MB = 1 << 20


def memory_group():
    """A new memory cgroup below this process's own: version 1, or version 2 below the root."""
    name = f"code-runner-test-{uuid.uuid4().hex[:12]}"
    for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if "memory" in controllers.split(","):
            own = pathlib.Path("/sys/fs/cgroup/memory" + path)
            own = own if own.is_dir() else pathlib.Path("/sys/fs/cgroup/memory")  # inside a container
            return own / name, "memory.limit_in_bytes", "memory.max_usage_in_bytes"
    return pathlib.Path("/sys/fs/cgroup") / name, "memory.max", "memory.peak"


@pytest.fixture(scope="module")
def small(start_server):
    """(server, file that says the most it ever used)"""
    group, limit, peak = memory_group()
    group.mkdir()
    try:
        (group / limit).write_text(str(512 * MB))
        enter = ["sh", "-c", f'echo $$ > {group}/cgroup.procs && exec "$@"', "sh"]
        server = start_server("--queue=16", "--start=warm", libraries=True, wrapper=enter)
        yield server, group / peak
        server.stop()
    finally:
        for folder, _, _ in os.walk(group, topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(folder)
        assert not group.exists()


def test_it_is_limited(small):
    server, _ = small
    for pid in (server.pid, server.server_pid(), server.zygote_pid()):
        assert "code-runner-test-" in pathlib.Path(f"/proc/{pid}/cgroup").read_text()
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
    server, peak = small
    assert server.execute(TOO_MUCH).outcome == "memory"
    assert 300 * MB < int(peak.read_text()) < 505 * MB
