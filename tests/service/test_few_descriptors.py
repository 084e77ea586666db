"""A service that may have few files open (ulimit -n) starts with what it chooses itself, and says what else would be too much."""
import concurrent.futures
import subprocess

import pytest

from support import procs
from support.client import Client
from support.server import BINARY, free_port

FEW = ("prlimit", "--nofile=256:256")

pytestmark = pytest.mark.mode_independent


def test_fewer_workers_wait(start_server):
    server = start_server("--slots=4", wrapper=FEW)
    with concurrent.futures.ThreadPoolExecutor(8) as clients:
        answers = list(clients.map(lambda n: Client(server.port).execute(f"def main():\n    return {n}\n"), range(40)))
    assert [answer.json["result"] for answer in answers] == list(range(40))
    procs.poll(lambda: "\ncode_runner_pool_ready 4\n" in server.client.get("/metrics").body.decode(), 10, "four wait")


def test_too_many_slots_are_told():
    done = subprocess.run([*FEW, BINARY, f"--port={free_port()}", "--slots=128", "--preload=none"],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert "cannot prepare slots: Too many open files: fewer --slots or --pool, or a higher limit (ulimit -n)" in done.stderr, done
