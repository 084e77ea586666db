"""The process that holds the loaded interpreter: one thread, no secrets, little memory of its own, and
nobody can change what it hands on; its death costs the running request and no other."""
import contextlib
import mmap
import os
import re
import signal
import threading
import time
import uuid

import pytest

from support import procs
from support.client import Client

QUICK = "def main():\n    return 1\n"


def anonymous_kb(pid):
    return int(procs.status(pid)["RssAnon"].split()[0])


def mappings(pid):
    """(start, end, mode, path) of each mapping."""
    found = []
    with open(f"/proc/{pid}/maps", encoding="ascii") as file:
        for line in file:
            where, mode, _, _, _, *path = line.split(maxsplit=5)
            start, end = (int(number, 16) for number in where.split("-"))
            found.append((start, end, mode, path[0].strip() if path else ""))
    return found


def finds(pid, token):
    """How often a text is in a process's memory. Only root may look."""
    count = 0
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for start, end, mode, path in mappings(pid):
            if mode[0] != "r" or path.startswith("[v"):
                continue
            with contextlib.suppress(OSError, OverflowError):
                memory.seek(start)
                count += memory.read(end - start).count(token.encode())
    return count


mode_independent = pytest.mark.mode_independent  # these are about the loaded interpreter


def test_zygote_has_one_thread(service):
    for _ in range(3):
        assert os.listdir(f"/proc/{service.zygote_pid()}/task") == [str(service.zygote_pid())]
        assert service.execute(QUICK).status == 200


@mode_independent
@pytest.mark.plain_memory
def test_zygote_holds_no_secret_of_the_operator_and_nothing_of_clients(start_server):
    secret, token = uuid.uuid4().hex, uuid.uuid4().hex
    server = start_server("--slots=1", "--start=warm", environment={"CR_TEST_SECRET": secret})
    script = f"import os\ndef main():\n    print('{token}')\n    return '{token}' + open('/proc/self/comm').read()\n"
    for _ in range(3):
        assert server.execute(script).json["stdout"] == token + "\n"
    with open(f"/proc/{server.pid}/environ", encoding="ascii") as file:
        assert secret not in file.read()  # some sandboxes show it to anybody: it was moved
    zygote = server.zygote_pid()
    with open(f"/proc/{zygote}/environ", encoding="ascii") as file:
        names = {line.partition("=")[0] for line in file.read().split("\0") if line}
    assert names <= {"PATH", "LANG", "HOME", "TMPDIR", "USER", "LOGNAME"}, names
    assert finds(server.pid, secret) > 0 and finds(zygote, "Script must contain") > 0  # the control: what is there is found
    assert finds(zygote, secret) == 0
    assert finds(zygote, token) == 0


@mode_independent
@pytest.mark.plain_memory
def test_memory_of_the_zygote(service, no_snapshot):
    """With the snapshot it has next to none of its own, and what it runs does not make it grow."""
    assert anonymous_kb(service.zygote_pid()) < 2000
    assert anonymous_kb(no_snapshot.zygote_pid()) > 50_000  # the control: it is the snapshot's doing
    for _ in range(3):
        assert service.execute(QUICK).status == 200
    before = anonymous_kb(service.zygote_pid())
    for _ in range(100):
        assert service.execute("import pandas as pd\ndef main():\n    return int(pd.Series([1, 2]).sum())\n").json["result"] == 3
    assert anonymous_kb(service.zygote_pid()) <= before + 100


@mode_independent
@pytest.mark.plain_memory
def test_start_up_tells_about_the_snapshot_and_the_time(service, no_snapshot):
    assert re.search(r"\b\d+ ms\b", service.log()), service.log()
    assert re.search(r"\b\d+ ms\b", no_snapshot.log()), no_snapshot.log()
    assert "snapshot: " in service.log() and "snapshot: " not in no_snapshot.log()


@mode_independent
@pytest.mark.plain_memory
def test_image_cannot_be_written(service):
    """Not even by root, who can open it: it is sealed, and every page is mapped privately."""
    zygote = service.zygote_pid()
    image = [(start, end, mode) for start, end, mode, path in mappings(zygote) if "memfd:" in path]
    assert sum(end - start for start, end, _ in image) > 50 << 20
    assert {mode[3] for _, _, mode in image} == {"p"}
    assert not [mode for _, _, mode in image if mode[1:3] == "wx"]
    names = []
    for descriptor in os.listdir(f"/proc/{zygote}/fd"):
        with contextlib.suppress(FileNotFoundError):  # of a worker that is just being made
            names.append(os.readlink(f"/proc/{zygote}/fd/{descriptor}"))
    assert names and not [name for name in names if "memfd:" in name]
    start, end, _ = image[0]
    fd = os.open(f"/proc/{zygote}/map_files/{start:x}-{end:x}", os.O_RDWR)
    try:
        with pytest.raises(PermissionError):
            os.pwrite(fd, b"x", start)
        with pytest.raises(PermissionError):
            mmap.mmap(fd, 4096, offset=start)
        with pytest.raises(PermissionError):
            os.ftruncate(fd, 0)
        assert os.pread(fd, 4096, start)
    finally:
        os.close(fd)


@mode_independent
def test_no_memory_is_written_and_run(service, no_snapshot):
    for server in (service, no_snapshot):
        assert not [row for row in mappings(server.zygote_pid()) if row[2][1:3] == "wx"]


@mode_independent
def test_mappings_stay_few(service, no_snapshot):
    """Each costs in every fork; the kernel allows 65,530."""
    assert len(mappings(service.zygote_pid())) < 3000
    assert len(mappings(no_snapshot.zygote_pid())) < 3000


MARKED = """
import subprocess
def main():
    subprocess.run(['sleep', '25', '0.000000{token}'], check=True)
"""


def in_background(server, script):
    answers = []

    def run():
        client = Client(server.port)
        answers.append(client.execute(script))
        client.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread, answers


@pytest.mark.parametrize("pool", [0, 2])
def test_death_of_the_zygote_costs_the_running_request_only(start_server, pool):
    server = start_server("--slots=1", f"--pool={pool}", "--queue=4")
    token = str(uuid.uuid4().int % 10**15).zfill(15)
    running, lost = in_background(server, MARKED.format(token=token))
    procs.poll(lambda: procs.with_argument(token), 5, "the script runs")
    queued, kept = in_background(server, QUICK)
    zygote = server.zygote_pid()
    os.kill(zygote, signal.SIGKILL)
    running.join(10)
    assert lost and (lost[0].status, lost[0].outcome) == (500, "internal"), lost
    assert str(zygote) not in lost[0].json["error"] and "sandbox" in lost[0].json["error"].lower(), lost
    queued.join(15)
    assert kept and kept[0].json == {"result": 1, "stdout": ""}, kept
    assert not procs.with_argument(token)
    server.client.close()
    procs.poll(server.is_ready, 8, "ready again")
    assert server.zygote_pid() != zygote
    for _ in range(3):
        assert server.execute(QUICK).json == {"result": 1, "stdout": ""}


def run_until_replaced(server, times):
    """{hash seed: how many runs had it}, and how long each answer took. No request fails meanwhile."""
    seeds, seconds, end = {}, [], time.monotonic() + 60
    while len(seeds) <= times and time.monotonic() < end:
        number = len(seconds)
        answer = server.execute(f"def main():\n    return [{number}, hash('text')]\n")
        assert answer.status == 200 and answer.json["result"][0] == number, answer
        assert server.client.get("/ready").status == 200
        seed = answer.json["result"][1]
        seeds[seed] = seeds.get(seed, 0) + 1
        seconds.append(answer.seconds)
        time.sleep(0.02)
    assert len(seeds) == times + 1, seeds
    return seeds, seconds


@mode_independent
@pytest.mark.plain_memory
def test_renewal_is_not_noticed(start_server):
    """Replaced every so many runs, the next one ready before the old one leaves: no request waits or
    fails, and the hash seed, the same for all forks of one, is another."""
    for _ in range(3):  # requests that wait for a start do so each time, a busy machine is slow now and then
        began = time.monotonic()
        server = start_server("--slots=2", "--start=warm", "--renew-runs=10")
        start_seconds, first = time.monotonic() - began, server.zygote_pid()
        seeds, seconds = run_until_replaced(server, 3)
        assert len(seconds) > 30
        # Nobody waits for a start: the old one goes on meanwhile. The machine may stand still at two of the three.
        assert max(list(seeds.values())[:3]) > 14, seeds
        procs.poll(lambda: len(procs.children(server.pid)) == 2, 5, "the old one has left")
        assert server.zygote_pid() != first
        assert not os.path.exists(f"/proc/{first}")
        server.stop()
        if sorted(seconds)[-3] < max(0.4, start_seconds):
            break
    assert sorted(seconds)[-3] < max(0.4, start_seconds), sorted(seconds)


def nice_of(pid):
    return os.getpriority(os.PRIO_PROCESS, pid)


@mode_independent
@pytest.mark.plain_memory
def test_a_zygote_that_loads_while_another_serves_leaves_it_the_processors(start_server):
    server = start_server("--slots=2", "--start=warm", "--renew-runs=3", libraries=True)
    usual, first = nice_of(server.pid), server.zygote_pid()
    roles = {server.server_pid(), first}
    assert nice_of(first) == usual
    for _ in range(3):
        assert server.execute(QUICK).status == 200
    procs.poll(lambda: len(procs.children(server.pid)) == 3, what="a second zygote")
    second, = set(procs.children(server.pid)) - roles
    procs.poll(lambda: nice_of(second) == min(usual + 10, 19), what="it yields")
    procs.poll(lambda: nice_of(second) == usual, 60, "it is as important as the first was")
    procs.poll(lambda: not os.path.exists(f"/proc/{first}"), what="the first has left")
    answer = server.execute("import os\ndef main():\n    return os.getpriority(os.PRIO_PROCESS, 0)\n")
    assert answer.json["result"] == usual, answer


@mode_independent
@pytest.mark.plain_memory
def test_renewal_lets_a_running_script_finish(start_server):
    server = start_server("--slots=2", "--start=warm", "--renew-runs=5")
    first = server.zygote_pid()
    running, answers = in_background(server, "import time\ndef main():\n    time.sleep(2)\n    return 'finished'\n")
    for _ in range(12):
        assert server.execute(QUICK).json == {"result": 1, "stdout": ""}
        time.sleep(0.05)
    running.join(10)
    assert answers and answers[0].json == {"result": "finished", "stdout": ""}, answers
    procs.poll(lambda: not os.path.exists(f"/proc/{first}"), 5, "the old one has left")
