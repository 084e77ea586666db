"""A script cannot fill the machine with processes, nor see, signal or trace what is not its own, nor
outlive its answer."""
import signal
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from attempts import REFUSED, inside, script, stopped_by
from support import control, procs
from support.client import Client
from support.server import TIME_FACTOR


def bounded_or_ended(service, text):
    """What main() returned; None where the run was ended for its number of processes: the kernel does not
    count for a script alone if the uid is not its own, and gVisor does not count at all. There their memory may be
    too much before their number is seen to be: each counts for some MB, and who looks may come late."""
    answer = service.execute(text)
    counted = "unique-uid" in service.layers and "file-modes" not in service.layers
    if answer.outcome == "memory" and not counted:
        return None
    if answer.outcome == "killed" and not counted:
        assert "too many processes" in answer.json["error"], answer
        return None
    assert answer.status == 200, answer
    return answer.json["result"]


@stopped_by("cgroup", "rlimits", "watchdog")
def test_many_children_are_bounded(service):
    text = script("made, error = 0, 'ok'", "for _ in range(1200):",
                  "    try: pid = os.fork()", "    except OSError as e: error = errno.errorcode[e.errno]; break",
                  "    if pid == 0:", "        time.sleep(30); os._exit(0)", "    made += 1", "if made >= 600: hold()", "return [made, error]")
    assert control.run(text).result == [1200, "ok"]
    bounded = bounded_or_ended(service, text)
    if bounded:
        made, error = bounded
        assert error == "EAGAIN" and 1 < made < 600, (made, error)


# Each process doubles, ten times: 1,024 of them, each says so with one byte. Bounded by itself, so that
# the control can run it.
BOMB = script("r, w = os.pipe(); os.set_blocking(r, False); top = os.getpid()",
              "for _ in range(10):", "    try: os.fork()", "    except OSError: pass",
              "os.write(w, b'.')", "if os.getpid() != top: time.sleep(30); os._exit(0)",
              "count, quiet, end = 0, time.monotonic(), time.monotonic() + (40 if OUTSIDE else 3)", "while count < 1024 and time.monotonic() < end:",
              "    try: count += len(os.read(r, 4096)); quiet = time.monotonic()",
              "    except BlockingIOError:", "        if time.monotonic() > quiet + (20 if OUTSIDE else 0.5): break", "        time.sleep(0.01)",
              "if count >= 600: hold()", "return count")


@stopped_by("cgroup", "rlimits", "watchdog")
def test_doubling_is_bounded(service):
    assert control.run(BOMB).result == 1024
    assert 1 <= (bounded_or_ended(service, BOMB) or 1) < 600


ENDLESS = {  # Each process that it makes writes one byte.
    "fork bomb": "import os\ndef main():\n    while True:\n        try:\n            if os.fork() == 0: os.write(2, b'+')\n        except OSError: pass\n",
    "thread bomb": "import _thread, os, time\ndef work():\n    os.write(2, b'+')\n    time.sleep(99)\ndef main():\n    _thread.stack_size(65536)\n"
                   "    while True:\n        try: _thread.start_new_thread(work, ())\n        except RuntimeError: pass\n",
}


@stopped_by("server", "cgroup", "rlimits", "watchdog")
@pytest.mark.parametrize("name", ENDLESS)
def test_endless_bomb_ends_with_its_time(hasty, name):
    """The control has another uid than root, a limit of 150 for it, and a pid namespace that ends all:
    it goes on until it is ended from outside, with as many processes as the limit allows."""
    written = control.watch(ENDLESS[name], lambda so_far: so_far.count(b"+") > 80, 0.3, "ulimit -u 150\n", uid=control.STRANGER, crowd=True)
    assert written is not None and 80 < written.count(b"+") <= 150
    answer = hasty.execute(ENDLESS[name])
    # What the kernel has for each that is made counts as memory and is given back late: that may be too much first.
    # The watchdog may end it for its number.
    ends = {"timeout", "memory"} if "cgroup" in hasty.layers else {"timeout", "killed", "memory"}
    assert answer.status == 400 and answer.outcome in ends, answer
    assert answer.seconds < max(20, 4 * TIME_FACTOR)
    for _ in range(3):  # it has a second: too little on a machine that stands still
        answer = hasty.execute("def main():\n    return 1\n")
        if answer.outcome != "timeout":
            break
    assert answer.json == {"result": 1, "stdout": ""}


@stopped_by("cgroup", "rlimits", "watchdog")
def test_threads_are_bounded(service):
    text = script("made, error = 0, 'ok'", "threading.stack_size(65536)", "try:", "    for _ in range(1200):",
                  "        threading.Thread(target=time.sleep, args=(30,), daemon=True).start(); made += 1",
                  "except RuntimeError as refused: error = str(refused)", "if made >= 600: hold()", "return [made, error]", before="import threading\n")
    assert control.run(text).result == [1200, "ok"]
    bounded = bounded_or_ended(service, text)
    if bounded:
        made, error = bounded
        assert error == "can't start new thread" and 1 < made < 600, (made, error)


# Of every number that a process may have, and of those that the service has here. A script's own and
# its init are left out: that one is in the same sandbox.
LOOK = """
def look(known):
    own = {os.getpid(), os.getppid() or 1}
    try: own |= {int(os.readlink('/proc/self')), int(open('/proc/self/stat').read().rpartition(')')[2].split()[1])}  # numbers of another namespace
    except OSError: pass
    listed = [int(name) for name in os.listdir('/proc') if name.isdigit()] if attempt(os.listdir, '/proc') == 'ok' else []
    found = set()
    for pid in sorted({*range(1, 33000), *known, *listed} - own):
        if attempt(os.kill, pid, 0) == 'ok': found.add('kill')
        for name in ('cmdline', 'environ', 'maps'):
            try:
                if open(f'/proc/{pid}/{name}', 'rb').read(): found.add(name)
            except OSError: break
        else:
            for name in ('mem', 'auxv', 'stack'):
                if attempt(open, f'/proc/{pid}/{name}', 'rb') == 'ok': found.add(name)
            for name in ('cwd', 'exe', 'root', 'fd/0', 'fd/1', 'fd/3'):
                if attempt(os.readlink, f'/proc/{pid}/{name}') == 'ok': found.add(name.partition('/')[0])
    return sorted(found)
"""


@stopped_by("namespaces", "private-proc", "landlock", "unique-uid", "kill-filter")
def test_other_processes_give_nothing(service):
    known = service.place.pids(service.pid)
    text = script(f"return look({known})", before=LOOK)
    assert control.run(text, "sleep 30 9>&- 3>&- &").result == sorted(["kill", "cmdline", "environ", "maps", "mem", "auxv", "stack", "cwd", "exe", "root", "fd"])
    # What docs/security.md names: where /proc is not a script's own, it sees what the container runs.
    seen = set() if "private-proc" in service.layers else {"cmdline", "environ", "maps", "auxv", "fd"}
    assert set(inside(service, text)) <= seen


# What stands above the script. In the control that is an ordinary process that waits for it.
END_INIT = script("import signal", "above = os.getppid() or 1",
                  "for number in (signal.SIGTERM, signal.SIGINT, signal.SIGKILL, signal.SIGSTOP):", "    attempt(os.kill, above, number)",
                  "    attempt(lambda: signal.pidfd_send_signal(os.pidfd_open(above), number))",
                  "time.sleep(0.2)", "return 'still here'")
ABOVE = """
def main():
    if (above := os.fork()) == 0:
        if os.fork() == 0: attack(); os._exit(0)
        time.sleep(30); os._exit(0)
    return os.WTERMSIG(os.waitpid(above, 0)[1])
"""


@stopped_by("namespaces", "unique-uid", "kill-filter")
def test_init_of_the_sandbox_cannot_be_ended(service):
    assert control.run(END_INIT.replace("def main", "def attack") + ABOVE).result in (signal.SIGTERM, signal.SIGKILL)
    assert inside(service, END_INIT) == "still here"


# Aimed at a child of one's own: PTRACE_ATTACH, process_vm_readv; and PTRACE_TRACEME by another one.
PTRACE = script("child = os.fork()", "if child == 0:", "    time.sleep(30); os._exit(0)",
                "other = os.fork()", "if other == 0: os._exit(7 if syscall(101, 0, 0, 0, 0) == 'ok' else 8)",
                "null = ctypes.c_void_p()",
                "return [syscall(101, 16, child, 0, 0), syscall(310, child, null, 0, null, 0, 0), os.waitstatus_to_exitcode(os.waitpid(other, 0)[1])]")


@stopped_by("seccomp")
def test_ptrace_and_process_vm_are_refused(service):
    assert control.run(PTRACE).result == ["ok", "ok", 7]
    attach, read, traceme = inside(service, PTRACE)
    assert {attach, read} <= REFUSED and traceme == 8


@stopped_by("file-modes", "seccomp", "landlock")
def test_memory_of_a_child_is_not_opened(service):
    """The other door to a process's memory."""
    text = script("child = os.fork()", "if child == 0:", "    time.sleep(30); os._exit(0)",
                  "return [attempt(open, f'/proc/{child}/mem', 'r+b'), attempt(open, '/proc/self/mem', 'r+b')]")
    assert control.run(text).result == ["ok", "ok"]
    assert set(inside(service, text)) <= REFUSED


# Leaves its session and its parents, ignores what can be ignored, does not die with its parent.
DAEMON = """
import ctypes, os, signal, sys, time
for n in signal.valid_signals():
    try: signal.signal(n, signal.SIG_IGN)
    except OSError: pass
signal.pthread_sigmask(0, signal.valid_signals())
ctypes.CDLL(None).prctl(1, 0, 0, 0, 0)
if os.fork(): os._exit(0)
os.setsid()
if os.fork(): os._exit(0)
os.write(1, b'up')
os.close(1)
while True: time.sleep(1)
"""
# Never the same process for long: each makes the next one and goes.
CHAIN = """
import os
os.write(1, b'up')
os.close(1)
if os.fork(): os._exit(0)
os.setsid()
while True:
    try:
        if os.fork(): os._exit(0)
    except OSError: pass
"""
FLEET = "import os\nos.write(1, b'up')\nos.close(1)\nfor _ in range(5):\n    try: os.fork()\n    except OSError: pass\nwhile True: pass\n"
LEFT = {"daemon": DAEMON, "chain forker": CHAIN, "many that spin": FLEET}


def leaver(program, token, end):
    """A script that starts the program with the token as argument, waits until it says that it is up,
    and ends."""
    return script(f"p = subprocess.Popen(['/usr/bin/python3', '-I', '-S', '-c', {program!r}, '{token}'], stdout=subprocess.PIPE)",
                  "assert p.stdout.read(2) == b'up'", end)


# Counts who still has the token in the arguments, again and again.
COUNT = """
def count(token):
    seen = 0
    for _ in range(20):
        time.sleep(0.01)
        for name in os.listdir('/proc'):
            try: seen += name.isdigit() and int(name) != os.getpid() and token in open(f'/proc/{name}/cmdline').read()
            except OSError: pass
    return seen
def main():
    if (child := os.fork()) == 0:
        try: leave()
        finally: os._exit(0)
    os.waitpid(child, 0)
    return count(TOKEN)
"""


@stopped_by("namespaces", "cgroup", "unique-uid", "watchdog")
@pytest.mark.parametrize("end", ["return 1", "time.sleep(60)", "os._exit(3)", "os.kill(os.getpid(), 9)"], ids=["returns", "times out", "exits", "dies"])
@pytest.mark.parametrize("name", LEFT)
def test_nothing_outlives_its_answer(hasty, name, end):
    token = uuid.uuid4().hex
    text = leaver(LEFT[name], token, end)
    if end == "return 1":  # of the same name each time, so that it is remembered: it sees its own processes only
        outside = leaver(LEFT[name], "what-is-left", end).replace("def main", "def leave") + "TOKEN = 'what-is-left'\n" + COUNT
        assert control.run(outside, "ulimit -u 150\n", uid=control.STRANGER, crowd=True).result > 0
    answer = hasty.execute(text)
    assert answer.outcome in ("success", "timeout", "exited", "killed"), answer
    procs.poll(lambda: not hasty.place.with_argument(token), TIME_FACTOR, "nothing is left after the answer")
    for _ in range(10):  # who forks in a chain is not seen by every look
        assert hasty.place.with_argument(token) == []
        time.sleep(0.005)


@stopped_by("namespaces", "cgroup", "unique-uid", "watchdog")
def test_a_daemon_was_there_before_it_was_ended(service):
    """That the test before looks in the right place: while the script runs, its daemon is seen. Where that takes long, the
    script gets more time."""
    seen, token = [], uuid.uuid4().hex
    text = leaver(DAEMON, token, "time.sleep(60)")
    for seconds in (1, 5, 25):
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(Client(service.port).execute, text, timeout_seconds=seconds)
            while not seen and not answer.done():
                seen = service.place.with_argument(token)
        assert answer.result().outcome == "timeout"
        procs.poll(lambda: not service.place.with_argument(token), TIME_FACTOR, "the daemon is gone")
        if seen:
            return
    raise AssertionError("the daemon was never seen")


@stopped_by("no-new-privileges", "rlimits", "seccomp")
def test_priority_cannot_be_raised(service):
    text = script("return [attempt(os.nice, -5), attempt(os.sched_setscheduler, 0, os.SCHED_FIFO, os.sched_param(1)),"
                  " attempt(os.sched_setscheduler, 0, os.SCHED_RR, os.sched_param(1)), syscall(251, 1, 0, (1 << 13) | 4)]")
    assert control.run(text).result == ["ok"] * 4
    assert set(inside(service, text)) <= REFUSED


@stopped_by("no-new-privileges", "rlimits")
def test_limits_cannot_be_raised(service):
    text = script("import resource", "wanted = {'RLIMIT_NPROC': 30000, 'RLIMIT_NOFILE': 5000, 'RLIMIT_FSIZE': 50 << 20}",
                  "def tried(name, value):",
                  "    try: resource.setrlimit(getattr(resource, name), (value, value))",
                  "    except (ValueError, OSError) as error: return type(error).__name__",
                  "    return 'ok'", "return [tried(*item) for item in wanted.items()]")
    assert control.run(text, "ulimit -S -n 100; ulimit -S -u 100").result == ["ok"] * 3
    assert "ok" not in inside(service, text)


@stopped_by("seccomp", "no-new-privileges")
def test_the_clock_cannot_be_set(service):
    """A clock that is really set would be that of this machine. So the control asks for a time that
    cannot be: EINVAL, and not EPERM, shows that the call reached the kernel. Inside, the time that it
    is anyhow is asked for: it would be set if it could be."""
    text = script("return [attempt(time.clock_settime, time.CLOCK_REALTIME, SECONDS or time.time()), syscall(164, timeval(SECONDS), None),",
                  "        syscall(159, timex()), syscall(305, 0, timex())]",
                  before="def longs(*values): return ctypes.byref((ctypes.c_long * 64)(*values))\n"
                         "def timeval(seconds): return longs(int(seconds or time.time()), 0)\n"
                         "def timex(): return longs(0x0100, *[0] * 9, SECONDS)  # ADJ_SETOFFSET, of so many microseconds\n")
    assert control.run("SECONDS = -1\n" + text).result == ["EINVAL"] * 4
    answers = inside(service, "SECONDS = 0\n" + text)
    assert set(answers) <= REFUSED
    assert abs(inside(service, script("return time.time()")) - time.time()) < 60
