"""A script cannot fill the machine with processes, nor see, signal or trace what is not its own."""
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

from attempts import inside, script
from support import control, procs
from support.client import Client


def test_many_children_are_bounded(service):
    text = script("made, error = 0, 'ok'", "for _ in range(1200):",
                  "    try: pid = os.fork()", "    except OSError as e: error = errno.errorcode[e.errno]; break",
                  "    if pid == 0:", "        time.sleep(30); os._exit(0)", "    made += 1", "return [made, error]")
    assert control.run(text).result == [1200, "ok"]
    made, error = inside(service, text)
    assert error == "EAGAIN" and 1 < made < 600, (made, error)


# Each process doubles, ten times: 1,024 of them, each says so with one byte. Bounded by itself, so that
# the control can run it.
BOMB = script("r, w = os.pipe(); os.set_blocking(r, False); top = os.getpid()",
              "for _ in range(10):", "    try: os.fork()", "    except OSError: pass",
              "os.write(w, b'.')", "if os.getpid() != top: time.sleep(30); os._exit(0)",
              "count, end = 0, time.monotonic() + 3", "while count < 1024 and time.monotonic() < end:",
              "    try: count += len(os.read(r, 4096)); quiet = time.monotonic()",
              "    except BlockingIOError:", "        if time.monotonic() > quiet + 0.5: break", "        time.sleep(0.01)",
              "return count")


def test_doubling_is_bounded(service):
    assert control.run(BOMB).result == 1024
    answer = service.execute(BOMB)
    assert answer.status == 200, answer
    assert 1 <= answer.json["result"] < 600


def test_endless_fork_bomb_ends_with_its_time(hasty):
    """No control runs this; its bounded form is the test before."""
    answer = hasty.execute("import os\ndef main():\n    while True:\n        try: os.fork()\n        except OSError: pass\n")
    assert (answer.status, answer.outcome) == (400, "timeout"), answer
    assert answer.seconds < 4
    assert hasty.execute("def main():\n    return 1\n").json == {"result": 1, "stdout": ""}


def test_threads_are_bounded(service):
    text = script("made = 0", "threading.stack_size(65536)", "try:", "    for _ in range(1200):",
                  "        threading.Thread(target=time.sleep, args=(30,), daemon=True).start(); made += 1",
                  "except RuntimeError as error: return [made, str(error)]", "return [made, 'ok']", before="import threading\n")
    assert control.run(text).result == [1200, "ok"]
    made, error = inside(service, text)
    assert error == "can't start new thread" and 1 < made < 600, (made, error)


def test_other_processes_are_not_seen(service):
    """Neither by /proc nor by asking kill(2) for each number."""
    text = script(
        "own = {1, os.getpid(), os.getppid()}",
        "seen = [int(n) for n in os.listdir('/proc') if n.isdigit() and int(n) not in own]",
        "alive = [pid for pid in range(1, 40000) if pid not in own and syscall(62, pid, 0) != 'ESRCH']",
        "return [len(seen) > 0, len(alive) > 0]")
    assert control.run(text, "sleep 30 9>&- 3>&- &").result == [True, True]
    assert inside(service, text) == [False, False]


def test_kill_everything_reaches_only_itself(service):
    """kill(-1) by one script; the script on the other slot and the service go on."""
    text = script("time.sleep(0.4)", "child = subprocess.Popen(['sleep', '30'])", "result = attempt(os.kill, -1, 9)",
                  "return [result, child.wait(3)]")
    # The control: it reaches a neighbour that has nothing to do with it.
    neighbour = text.replace("subprocess.Popen(['sleep', '30'])", "None").replace("child.wait(3)",
                             "[n for n in os.listdir('/proc') if n.isdigit() and n != '1' and b'300.5' in open(f'/proc/{n}/cmdline', 'rb').read()]")
    before = "sleep 300.5 9>&- 3>&- &\n"
    untouched = neighbour.replace("attempt(os.kill, -1, 9)", "'not tried'")
    # Root's pid 1 is the control itself here, so it is not ended by its own kill(-1).
    assert control.run(untouched, before).result[1] != []
    result, left = control.run(neighbour.replace("return [result,", "time.sleep(0.2)\n    [attempt(os.waitpid, -1, 1) for _ in range(3)]\n    return [result,"), before).result
    assert (result, left) == ("ok", [])
    other = "import time\ndef main():\n    time.sleep(1.2)\n    return 'alive'\n"
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda t: Client(service.port).execute(t), [text, other]))
    assert found[0].json.get("result") == ["ok", -9], found[0]
    assert found[1].json.get("result") == "alive", found[1]
    assert service.client.get("/health").status == 200


def test_init_of_the_sandbox_cannot_be_ended(service):
    text = script("return [attempt(os.kill, 1, 15), attempt(os.kill, 1, 9), time.sleep(0.1)]")
    results = inside(service, text)[:2]
    assert set(results) <= {"ok", "EPERM", "ESRCH"}, results  # and we are still here to say so


# Aimed at a child of one's own: PTRACE_ATTACH, process_vm_readv; and PTRACE_TRACEME by another one.
PTRACE = script("child = os.fork()", "if child == 0:", "    time.sleep(5); os._exit(0)",
                "other = os.fork()", "if other == 0: os._exit(7 if syscall(101, 0, 0, 0, 0) == 'ok' else 8)",
                "null = ctypes.c_void_p()",
                "return [syscall(101, 16, child, 0, 0), syscall(310, child, null, 0, null, 0, 0), os.waitstatus_to_exitcode(os.waitpid(other, 0)[1])]")


def test_ptrace_and_process_vm_are_refused(service):
    assert control.run(PTRACE).result == ["ok", "ok", 7]
    assert inside(service, PTRACE) == ["EPERM", "EPERM", 8]


def test_daemons_do_not_survive_a_timeout(hasty):
    token = str(uuid.uuid4().int % 10**15).zfill(15)
    text = script(f"subprocess.Popen(['setsid', 'sleep', '60', '0.000000{token}'])", "time.sleep(60)")
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(Client(hasty.port).execute, text)
        procs.poll(lambda: procs.with_argument(token), 3, "the daemon is up")  # the control: it was alive
        answer = answer.result()
    assert answer.outcome == "timeout", answer
    assert procs.with_argument(token) == []


def test_priority_cannot_be_raised(service):
    text = script("return [attempt(os.nice, -5), attempt(os.sched_setscheduler, 0, os.SCHED_FIFO, os.sched_param(1))]")
    assert control.run(text).result == ["ok", "ok"]
    assert set(inside(service, text)) <= {"EPERM", "EACCES", "ENOSYS"}


def test_limits_cannot_be_raised(service):
    text = script("import resource", "wanted = {'RLIMIT_NPROC': 3000, 'RLIMIT_NOFILE': 5000, 'RLIMIT_FSIZE': 50 << 20}",
                  "def tried(name, value):",
                  "    try: resource.setrlimit(getattr(resource, name), (value, value))",
                  "    except ValueError as error: return str(error)",
                  "    return 'ok'", "return [tried(*item) for item in wanted.items()]")
    assert control.run(text, "ulimit -S -n 100; ulimit -S -u 100").result == ["ok"] * 3
    assert inside(service, text) == ["not allowed to raise maximum limit"] * 3


def test_time_of_the_sandbox_is_that_of_the_host(service):
    assert abs(inside(service, script("return time.time()")) - time.time()) < 5
