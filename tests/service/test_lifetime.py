"""What a run leaves behind: nothing. And what it may use while it lasts."""
import os
import pathlib
import signal
import threading
import time

import pytest

from support import procs
from support.client import Client
from support.scripts import new_mark


DAEMONS = {
    "a child": "subprocess.Popen(argv)",
    "its own session": "subprocess.Popen(argv, start_new_session=True)",
    "twice forked": "subprocess.run(['sh', '-c', 'setsid ' + ' '.join(argv) + ' &'])",
    "ignores signals": "subprocess.Popen(['sh', '-c', 'trap \"\" TERM HUP INT QUIT; exec ' + ' '.join(argv)])",
    "no streams": "subprocess.Popen(argv, stdin=-3, stdout=-3, stderr=-3, start_new_session=True)",
}


@pytest.mark.parametrize("name", DAEMONS)
def test_daemon_is_dead_when_the_answer_is_out(service, name):
    token = new_mark()
    answer = service.execute(f"""
import glob, subprocess, time
def main():
    argv = ['sleep', '60', '0.000000{token}']
    {DAEMONS[name]}
    end = time.monotonic() + 15
    while time.monotonic() < end:  # it is really up, as sleep and not as the shell before it
        for path in glob.glob('/proc/[0-9]*/cmdline'):
            try:
                if open(path, 'rb').read().startswith(b'sleep\\0'):
                    return 'up'
            except OSError:
                pass
""")
    left = [pid for pid in procs.with_argument(token) if not procs.is_dead(pid)]
    assert answer.json == {"result": "up", "stdout": ""}, answer
    assert not left, "the daemon outlived the answer"
    assert answer.seconds < 25, "the answer waited"


def test_threads_are_not_waited_for(service):
    answer = service.execute("import threading, time\ndef main():\n    threading.Thread(target=time.sleep, args=(60,)).start()\n    return 1\n")
    assert answer.json == {"result": 1, "stdout": ""}
    assert answer.seconds < 15


def test_concurrent_scripts_see_nothing_of_each_other(service):
    token = new_mark()
    script = f"""
import glob, os, subprocess, time
def main():
    began = time.monotonic()
    own = set()
    for folder in ('.', '/tmp', '/dev/shm'):
        path = folder + '/{token}-' + str(began)
        open(path, 'w').close()
        own.add(path)
    child = subprocess.Popen(['sleep', '60', '0.000000{token}'])
    strangers = set()
    while time.monotonic() < began + 1:
        for folder in ('.', '/tmp', '/dev/shm'):
            strangers |= {{p for p in glob.glob(folder + '/{token}*') if p not in own
                          and os.path.basename(p) != '{token}-' + str(began)}}
        for path in glob.glob('/proc/[0-9]*'):
            if int(path[6:]) not in (1, os.getpid(), os.getppid(), child.pid):
                strangers.add(path)
        time.sleep(0.01)
    return [began, time.monotonic(), sorted(strangers), child.poll()]
"""
    for _ in range(3):  # until they run at the same time, as they do unless the machine stands still
        found = []

        def run():
            client = Client(service.port)
            found.append(client.execute(script).json["result"])
            client.close()

        threads = [threading.Thread(target=run) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        (begin_a, end_a, seen_a, child_a), (begin_b, end_b, seen_b, child_b) = found
        assert (seen_a, seen_b) == ([], [])
        assert (child_a, child_b) == (None, None), "one ended the other's child"
        if max(begin_a, begin_b) < min(end_a, end_b):
            return
    pytest.fail("they did not run at the same time")


def slot_parents(server):
    """Folders under which the service keeps the cgroups of its slots: seen while a script runs."""
    token, found = new_mark(), set()
    client = Client(server.port)
    thread = threading.Thread(target=client.execute, args=(
        f"import subprocess\ndef main():\n    subprocess.run(['sleep', '20', '0.000000{token}'])\n",))
    thread.start()
    pid = procs.poll(lambda: procs.with_argument(token), 5, "the script runs")[0]
    own = pathlib.Path("/proc/self/cgroup").read_text().splitlines()
    for line in pathlib.Path(f"/proc/{pid}/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if line not in own:
            base = pathlib.Path("/sys/fs/cgroup", controllers.removeprefix("name=") or ".")
            if not (base / path.lstrip("/")).is_dir():
                base = pathlib.Path("/sys/fs/cgroup/unified")
            found.add((base / path.lstrip("/")).parent)
    os.kill(pid, signal.SIGTERM)
    thread.join()
    client.close()
    assert found, "the script ran in no cgroup of its own"
    return found


def census(server, folders):
    """Everything that a run could leave behind, as numbers and names that can be compared."""
    roles = [server.pid, server.server_pid(), server.zygote_pid()]
    return {
        "processes": len(procs.descendants(server.pid)),
        "descriptors": [procs.count_descriptors(pid) for pid in roles],
        "mounts": [procs.count_mounts(pid) for pid in [*roles, "self"]],
        "cgroups": sum(len([*folder.rglob("*/")]) for folder in folders),
        "interfaces": sorted(os.listdir("/sys/class/net")),
        "ipc": len(pathlib.Path("/proc/sysvipc/shm").read_text().splitlines()),
    }


def settled_census(server, folders):
    """When the pool is full and nothing moves any more."""
    def look():
        if b"\ncode_runner_pool_ready 4\n" not in server.client.get("/metrics").body:
            return None
        first = census(server, folders)
        time.sleep(0.3)
        return first == census(server, folders) and first

    return procs.poll(look, 15, "nothing moves")


def test_a_hundred_scripts_leave_nothing_behind(start_server):
    server = start_server("--slots=2", "--pool=4", libraries=True)
    token = new_mark()
    script = f"""
import subprocess
def main():
    for folder in ('.', '/tmp', '/dev/shm'):
        open(folder + '/left-{token}', 'w').write('x')
    subprocess.Popen(['sleep', '60', '0.000000{token}'], start_new_session=True)
    return 1
"""
    folders = slot_parents(server)
    for _ in range(3):
        assert server.execute(script).status == 200
    before = settled_census(server, folders)
    for number in range(100):
        answer = server.execute(script if number % 10 else "def main():\n    __import__('os').abort()\n")
        assert answer.status == (200 if number % 10 else 400), answer
    end = time.monotonic() + procs.PATIENCE
    while (after := census(server, folders)) != before and time.monotonic() < end:
        time.sleep(0.03)
    assert after == before
    assert not procs.with_argument(token)
    names = f"left-{token}"
    for folder in ("/tmp", "/var/tmp", "/dev/shm", "/run"):
        for _, _, files in os.walk(folder):
            assert names not in files


def test_220_mb_of_numpy_array_work(service):
    answer = service.execute("import numpy as np\ndef main():\n    a = np.ones(220_000_000, dtype=np.uint8)\n    return int(a.sum())\n")
    assert (answer.status, answer.json) == (200, {"result": 220_000_000, "stdout": ""}), answer


MEMORY = {
    "numpy": "import numpy as np\ndef main():\n    print('before')\n    return len(np.ones(400_000_000, dtype=np.uint8))\n",
    "numpy of floats": "import numpy as np\ndef main():\n    print('before')\n    return len(np.ones(50_000_000))\n",
    "bytes": "def main():\n    print('before')\n    return len(b'x' * 400_000_000)\n",
    "many small": "def main():\n    print('before')\n    a = []\n    while True: a.append([0] * 1000)\n",
    "a child": "import subprocess, sys\ndef main():\n    print('before')\n    subprocess.run([sys.executable, '-c', 'a = b\"x\" * 400000000'])\n    return 1\n",
    "MemoryError": "def main():\n    print('before')\n    raise MemoryError\n",
}


@pytest.mark.parametrize("name", MEMORY)
def test_memory_limit(service, name):
    answer = service.execute(MEMORY[name])
    assert (answer.status, answer.outcome) == (400, "memory"), answer
    assert answer.json["error"] == "Memory limit exceeded (300MB limit)"
    assert answer.json["stdout"] == "before\n"
    assert service.execute("def main():\n    return 1\n").json == {"result": 1, "stdout": ""}


def test_file_over_10_mb_is_an_oserror_and_the_script_goes_on(service):
    answer = service.execute("""
import errno, os
def main():
    with open('fits', 'wb') as file:
        file.write(b'x' * (10 << 20))
    try:
        with open('big', 'wb', buffering=0) as file:
            while True:
                file.write(b'x' * (1 << 20))
    except OSError as error:
        return [errno.errorcode[error.errno], os.path.getsize('big'), os.path.getsize('fits')]
""")
    assert answer.json["result"] == ["EFBIG", 10 << 20, 10 << 20], answer
