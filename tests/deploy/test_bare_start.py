"""`gcloud run deploy` with nothing chosen gives 512 MiB and up to 80 requests at once, from the first moment on."""
import collections
import json
import subprocess
import sys
import threading
import time

import pytest

from support import procs
from support.client import Client
from support.memory_group import MemoryGroup
from support.server import Server

pytestmark = pytest.mark.mode_independent  # the defaults are what is tried

REQUESTS = 80
SCRIPTS = [
    "def main():\n    print('nonce', {0})\n    return {0}\n",
    "import numpy as np\ndef main():\n    print('nonce', {0})\n    return int(np.full(1000, {0}).mean())\n",
    "import pandas as pd\ndef main():\n    print('nonce', {0})\n    return int(pd.DataFrame({{'n': [{0}]}}).n.sum())\n",
    "import numpy as np\ndef main():\n    print('nonce', {0})\n    return int(np.ones(270_000_000, dtype=np.uint8)[0]) * {0}\n",
]


class Starting(Server):
    """Handed out as soon as it takes connections: long before it can run a script."""

    def is_ready(self):
        try:
            self.first = Client(self.port, timeout=3).get("/ready").status
        except OSError:
            return False
        return True


def while_it_starts(tmp_path, group):
    """A server that was asked before it was ready, which is a matter of seconds: the first of three at most. They wait longer than by
    default, so that a slow machine refuses nothing: it is memory that is short here."""
    for number in range(3):
        server = Starting(tmp_path / f"log{number}", "--queue-wait-seconds=90", wrapper=group.wrapper)
        if server.first == 503:
            return server
        server.stop()
    raise AssertionError("it was always ready before it was asked: nothing had to wait")


def burst(port):
    """[answer or error] of REQUESTS requests that are all under way together."""
    found, together = [None] * REQUESTS, threading.Barrier(REQUESTS)

    def ask(number):
        client = Client(port, timeout=120)
        together.wait(60)
        try:
            found[number] = client.post(json.dumps({"script": SCRIPTS[number % len(SCRIPTS)].format(number)}).encode())
        except OSError as error:
            found[number] = error
        finally:
            client.close()

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(REQUESTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(150)
    return found


def test_eighty_requests_in_the_moment_of_the_start(tmp_path):
    group = MemoryGroup(512)
    try:
        server = while_it_starts(tmp_path, group)
        began = time.monotonic()
        answers = burst(server.port)
        seconds = time.monotonic() - began
        wrong = [(number, answer) for number, answer in enumerate(answers)
                 if isinstance(answer, Exception) or (answer.status, answer.json) !=
                 (200, {"result": number, "stdout": f"nonce {number}\n"})]
        assert not wrong, (len(wrong), wrong[:3])
        assert max(answer.seconds for answer in answers) < 80
        roles = [server.pid, server.server_pid(), server.zygote_pid()]
        assert all(group.has(pid) for pid in roles)
        samples = dict(line.rsplit(" ", 1) for line in server.client.get("/metrics").body.decode().splitlines())
        assert samples["code_runner_zygote_restarts_total"] == "0"
        assert samples['code_runner_runs_total{outcome="success"}'] == str(REQUESTS)
        assert group.kills() == 0
        print(f"{REQUESTS} answers {collections.Counter(answer.status for answer in answers)} in {seconds:.1f} s, "
              f"at most {group.peak_bytes() >> 20} MiB")
        server.stop()
    finally:
        procs.poll(lambda: not (group.path / "cgroup.procs").read_text(), 20, "nothing is left in the group")
        group.remove()


def test_a_kill_for_memory_would_be_seen():
    group = MemoryGroup(64)
    try:
        hog = subprocess.run([*group.wrapper, sys.executable, "-c", "bytearray(b'x') * (256 << 20)"], timeout=30)
        assert hog.returncode == -9
        assert group.kills() == 1
    finally:
        group.remove()
