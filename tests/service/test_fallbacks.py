"""The layers that an environment lacks, and what stands for them: tried on this machine by leaving layers
out (--without). In other environments themselves: tests/environments."""
import os
import signal
import subprocess
import uuid

import pytest

from support import leftovers, procs
from support.client import execute_bytes
from support.scripts import LEAVES_WITNESSES, is_42
from support.server import BINARY

SHARED_ROOT = "namespaces,network-namespace,private-root,private-proc,cgroup"
DAEMON = """
import os, subprocess, time
def main():
    subprocess.Popen(["sleep", "300", "0.{token}"], start_new_session={session})
    time.sleep({seconds})
    return os.getcwd()
"""


@pytest.fixture(scope="module")
def plain(start_server):
    """As in a plain container: root, but no right to make namespaces or mounts."""
    return start_server("--slots=2", f"--without={SHARED_ROOT}")


@pytest.fixture(scope="module")
def shared(start_server):
    """As for a user without rights: every script has the service's uid."""
    return start_server("--slots=2", f"--without={SHARED_ROOT},unique-uid")


@pytest.fixture(scope="module", params=["plain", "shared"])
def lesser(request):
    return request.getfixturevalue(request.param)


def layers(server):
    return set(server.client.get("/ready").json["layers"])


def check(*flags):
    done = subprocess.run([BINARY, "--check", "--start=cold", *flags], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout


def test_what_is_missing_is_told_and_stood_for(service, plain, shared):
    assert {"namespaces", "private-root", "cgroup", "unique-uid", "landlock"} <= layers(service)
    assert not {"watchdog", "kill-filter", "file-modes"} & layers(service)
    assert {"watchdog", "unique-uid", "landlock"} <= layers(plain)
    assert not {"namespaces", "private-root", "cgroup", "kill-filter"} & layers(plain)
    assert {"watchdog", "kill-filter", "landlock"} <= layers(shared) and "unique-uid" not in layers(shared)


def test_check_says_what_holds():
    status, text = check()
    assert status == 0 and "namespaces          yes" in text and "all that must hold everywhere holds" in text
    status, text = check(f"--without={SHARED_ROOT}")
    assert status == 0 and "namespaces          no   else: unique uid" in text and "watchdog            yes" in text
    # Nothing would guard the files: neither a root of its own, nor Landlock, nor owners.
    status, text = check(f"--without={SHARED_ROOT},landlock,unique-uid")
    assert status == 1 and "It would not start" in text and "private-root" in text and "landlock" in text


@pytest.mark.parametrize("when, refusal", [
    ("", "cannot enter the system call filter"),  # the zygote's part
    (":when=1", "stage seccomp"),  # a process's first: the worker's part. The zygote's first is a question of libseccomp's.
])
def test_without_either_part_of_the_filter_nothing_starts(when, refusal, tmp_path):
    done = subprocess.run(["strace", "-f", "-qq", "-o", tmp_path / "log", "-e", "trace=seccomp", "-e", f"inject=seccomp:error=EINVAL{when}",
                           BINARY, "--check", "--start=cold"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "It would not start" in done.stdout and refusal in done.stdout, done.stdout
    # The zygote's part has been entered where the worker's is what failed.
    entered = [line for line in (tmp_path / "log").read_text().splitlines() if "{len=" in line and line.endswith("= 0")]
    assert len(entered) == (1 if when else 0), entered


def test_required_layer_that_is_missing_stops_the_start():
    status, text = check("--require=cgroup,private-root")
    assert status == 0, text
    status, text = check("--without=cgroup", "--require=landlock,cgroup")
    assert status == 1 and "--require: the layer cgroup does not hold here" in text
    done = subprocess.run([BINARY, "--port=1", "--without=cgroup", "--require=cgroup"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "the layer cgroup does not hold" in done.stderr


def test_scratch_space_is_private_and_gone(lesser):
    """chmod does nothing for others."""
    name = uuid.uuid4().hex
    script = f"""
import os, stat
def main():
    os.umask(0)
    open('{name}', 'w').write('x')
    os.chmod('{name}', 0o666)
    return os.getcwd(), stat.S_IMODE(os.stat('{name}').st_mode), os.environ['HOME'], os.environ['TMPDIR']
"""
    folder, mode, home, temporary = lesser.execute(script).json["result"]
    assert mode == 0o600
    assert {os.path.dirname(folder)} == {os.path.dirname(home), os.path.dirname(temporary)}
    assert not os.path.exists(f"{folder}/{name}")


def test_literal_tmp_works_with_a_uid_of_its_own(plain, shared):
    path = f"/tmp/{uuid.uuid4().hex}"
    script = f"def main():\n    open('{path}', 'w').write('x')\n    return open('{path}').read()\n"
    assert plain.execute(script).json["result"] == "x"
    assert not os.path.exists(path)
    assert "PermissionError" in shared.execute(script).json["error"]
    assert not os.path.exists(path)


@pytest.mark.parametrize("session", [False, True])
def test_daemon_is_gone(lesser, session):
    token = uuid.uuid4().int % 10**12
    answer = lesser.execute(DAEMON.format(token=token, session=session, seconds=0.1))
    assert answer.status == 200, answer
    assert procs.with_argument(f"0.{token}") == []


def test_daemon_is_gone_with_its_zygote(start_server):
    """Killed, it can end nothing itself: the inits must notice."""
    server = start_server("--slots=1", f"--without={SHARED_ROOT}")
    token = uuid.uuid4().int % 10**12
    with server.raw() as connection:
        connection.send(execute_bytes(DAEMON.format(token=token, session=True, seconds=30)))
        procs.poll(lambda: procs.with_argument(f"0.{token}"), 5, "the daemon is up")
        os.kill(server.zygote_pid(), signal.SIGKILL)
        procs.poll(lambda: not procs.with_argument(f"0.{token}"), 1, "the daemon is gone")
    procs.poll(server.is_ready, 10, "another zygote")
    assert server.execute("def main():\n    return 1\n").json["result"] == 1


def test_memory_of_all_processes_is_counted(lesser):
    script = """
import os, time
def main():
    for _ in range(6):
        if os.fork() == 0:
            held = bytearray(b'x') * 80_000_000
            time.sleep(20)
            os._exit(0)
    time.sleep(20)
"""
    answer = lesser.execute(script)
    assert answer.outcome == "memory", answer
    assert answer.seconds < 15


def test_children_that_hold_nothing_do_not_count(lesser):
    script = """
import os, time
def main():
    for _ in range(40):
        if os.fork() == 0:
            time.sleep(20)
            os._exit(0)
    time.sleep(1)
    return 40
"""
    assert lesser.execute(script).json.get("result") == 40


def test_children_that_are_left_cannot_tell_of_the_end(lesser):
    for _ in range(20):
        is_42(lesser.execute(LEAVES_WITNESSES))


def test_files_are_counted(lesser):
    script = "import time\ndef main():\n    for n in range(12):\n        open(str(n), 'wb').write(bytes(9 << 20))\n    time.sleep(20)\n"
    answer = lesser.execute(script)
    assert (answer.outcome, answer.seconds < 15) == ("killed", True), answer
    assert "64MB limit" in answer.json["error"]


@pytest.mark.parametrize("start", ["warm", "cold"])
def test_nothing_of_it_is_left_on_disk(start_server, start):
    base = 19500 + os.getpid() % 8 * 57  # others start services of this kind at the same time: not with these uids
    uids = leftovers.uid_range(base, slots=1, pool=4)
    server = start_server("--slots=1", f"--start={start}", f"--without={SHARED_ROOT}", f"--uid-base={base}")
    assert len(leftovers.scratch(uids)) == 1
    assert server.execute("def main():\n    open('x', 'w')\n").status == 200
    server.stop()
    assert leftovers.scratch(uids) == []
