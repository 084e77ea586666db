"""A process of the service stands still, as one does that somebody stopped or that waits for a disk: it costs
what it had in hand, and holds up neither the end of the service nor what comes after it."""
import contextlib
import os
import signal
import subprocess
import threading

import pytest

from support import procs
from support.client import Client
from support.server import BINARY, free_port

QUICK = "def main():\n    return 1\n"
LONG = "import time\ndef main():\n    time.sleep(25)\n"

# How a zygote's worker starts does not matter to who waits for it.
pytestmark = [pytest.mark.mode_independent, pytest.mark.plain_memory]


@contextlib.contextmanager
def stopped(*pids):
    """Whatever the test finds, none of them stays behind."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with contextlib.suppress(OSError):
                if procs.status(pid)["State"].startswith("T"):
                    os.kill(pid, signal.SIGKILL)


def zygotes(server):
    return [pid for pid in procs.children(server.pid) if pid != server.server_pid()]


def with_one_replaced(start_server):
    """(server, the zygote that was replaced and has a run of 25 s on it, the thread that waits for that)"""
    server, answers = start_server("--slots=2", "--pool=0", "--start=warm", "--snapshot=off", "--renew-runs=2"), []
    first = server.zygote_pid()

    def run():
        client = Client(server.port)
        with contextlib.suppress(OSError):
            answers.append(client.execute(LONG))
        client.close()

    thread = threading.Thread(target=run)
    thread.start()
    procs.poll(lambda: server.client.get("/ready").json["running"] == 1, 5, "it runs")
    assert server.execute(QUICK).status == 200
    procs.poll(lambda: "code_runner_zygote_renewals_total 1" in server.client.get("/metrics").body.decode(), 20, "another zygote took over")
    return server, first, thread


def test_a_zygote_that_hangs_does_not_keep_the_service_from_ending(start_server):
    server = start_server("--slots=1")
    server.client.close()
    with stopped(server.zygote_pid()):
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(20) == 0
    assert "a zygote does not leave: it is killed" in server.log()


def test_a_second_signal_ends_zygotes_that_hang_at_once(start_server):
    """Also one that was replaced."""
    server, first, thread = with_one_replaced(start_server)
    server.client.close()
    with stopped(*zygotes(server)):
        server.process.send_signal(signal.SIGTERM)
        procs.poll(lambda: "draining" in server.log(), 5, "it was told")
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(20) == 1
        thread.join(5)
        assert procs.is_dead(first)
    assert "told to stop twice" in server.log()


def test_a_server_that_dies_beside_a_zygote_that_hangs_gets_another_one(start_server):
    server = start_server("--slots=1")
    zygote = server.zygote_pid()
    server.client.close()
    with stopped(zygote):
        os.kill(server.server_pid(), signal.SIGKILL)
        procs.poll(lambda: procs.is_dead(zygote), 10, "the one that hangs is killed")
        procs.poll(server.is_ready, 20, "ready again")
    assert server.execute(QUICK).json == {"result": 1, "stdout": ""}


def test_users_of_a_service_that_has_not_ended_are_not_shared(start_server):
    """It would be a weaker sandbox: without a cgroup, and beside another one's scripts of the same users."""
    server = start_server("--slots=1", "--pool=0")
    base = procs.status(server.server_pid())["Uid"].split()[0]
    if "cgroup" not in server.layers:
        pytest.skip("nothing that they share could be seen")
    done = subprocess.run([BINARY, f"--port={free_port()}", "--slots=1", "--pool=0", "--preload=none", f"--uid-base={base}"],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "is in use by another service" in done.stderr, done
    assert server.execute(QUICK).status == 200
