"""Scripts that run at the same time on different slots: none reads what another one has, writes into
it, or ends, stops or slows it."""
import contextlib
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from attempts import script, stopped_by
from neighbours import at_once, stays, without_layers
from support import control, procs
from support.client import Client
from support.server import TIME_FACTOR
from test_files import SEARCH, halves

# One opens to others what it can; the other looks for it wherever a file can be, and writes to it.
SHARE = """
PLACES = ['.', '/tmp', '/dev/shm', '/var/tmp', '/run', '/run/lock', os.path.expanduser('~'), __import__('tempfile').gettempdir()]
def share(name, content):
    os.umask(0)
    shared, kept = [], []
    for place in PLACES:
        path = place + '/' + name
        if attempt(lambda: os.path.exists(path) or open(path, 'w').write(content)) != 'ok': continue
        if os.path.getsize(path) != len(content): continue
        shared.append(path)
        for target in (path, place):
            attempt(os.chmod, target, 0o777)
            attempt(lambda: os.fchmod(os.open(target, 0), 0o777))
            attempt(os.setxattr, target, 'system.posix_acl_access', bytes.fromhex('02000000 01000700ffffffff 04000700ffffffff 10000700ffffffff 20000700ffffffff'))
        kept.append(open(path))
        attempt(os.mkdir, path + '.d', 0o777)
        attempt(lambda: open(path + '.d/' + name, 'w').write(content))
        attempt(os.mkfifo, path + '.fifo', 0o666)
    return shared, kept
"""
HUNT = """
import glob
def hunt(name, first, second):
    places = {os.path.dirname(os.getcwd()) or '/', os.getcwd(), '/tmp', '/dev/shm', '/var/tmp', '/run', '/home', os.path.expanduser('~')}
    up = os.getcwd()
    # Without listing anything: the names that the service gives.
    for n in range(8): places.update(f'{os.path.dirname(os.path.dirname(up))}/slot-{n}/{folder}' for folder in ('work', 'tmp', 'shm', 'home'))
    while len(up) > 1: up = os.path.dirname(up); places.add(up)
    for pattern in ('/proc/[0-9]*/cwd', '/proc/[0-9]*/root/tmp', '/proc/[0-9]*/root/dev/shm'): places.update(glob.glob(pattern))
    read, written = set(), set()
    paths = set(glob.glob('/proc/[0-9]*/fd/*'))
    for place in places:
        for depth in ('', '/*', '/*/*') if place != '/' else ('',):
            for end in (name, name + '.d/' + name): paths.update([place + '/' + end, *glob.glob(place + depth + '/' + end)])
    for path in paths:
        if not os.path.isfile(path): continue
        try:
            text = open(path, 'rb').read(200)
            if first + second in text: read.add(path)
        except OSError: pass
        if name in os.path.realpath(path) and attempt(lambda: open(path, 'ab').write(b'evil')) == 'ok': written.add(path)
    return [sorted(read), sorted(written)]
"""


def pair(token):
    name = "n" + token[:8]
    sharer = stays(1, f"secret = '{token}' * 3", f"shared, kept = share('{name}', secret)", "tell('shared')", "wait('searched', 0.9)",
                   "return [shared, [open(path).read() == secret for path in shared]]", before=SHARE)
    # It looks again and again: in the service nobody knows when the other one is ready.
    hunter = stays(1, "wait('shared', 0)", "end, read, written = time.monotonic() + (0 if OUTSIDE else 0.6), set(), set()", "while True:",
                   f"    for found, more in zip((read, written), hunt('{name}', *{halves(token)!r})): found.update(more)",
                   "    if time.monotonic() > end: break", "    time.sleep(0.1)",
                   f"in_memory = search(*{halves(token)!r})[0]", "tell('searched')",
                   "return [sorted(read), sorted(written), in_memory]", before=HUNT + SEARCH)
    return sharer, hunter


@pytest.fixture(scope="module")
def found(service):
    """What the two say: (without the layers, in the service)."""
    texts = pair(uuid.uuid4().hex)
    return without_layers(*texts), at_once(service, *texts)


@stopped_by("private-root", "landlock", "file-modes", "unique-uid", "seccomp")
def test_files_opened_to_all_are_not_read_by_a_neighbour(found):
    (_, outside), ((shared, _), within) = found
    assert any("/tmp/n" in path for path in outside[0]) and any("/fd/" in path for path in outside[0]) and any("neighbour-0" in path for path in outside[0])
    assert any(path.startswith("./") for path in shared)
    assert within[0] == []


@stopped_by("private-root", "landlock", "file-modes", "unique-uid", "seccomp")
def test_files_opened_to_all_are_not_changed_by_a_neighbour(found):
    ((_, same), outside), ((_, still_same), within) = found
    assert outside[1] and not all(same)
    assert within[1] == [] and all(still_same)


@stopped_by("namespaces", "private-proc", "landlock", "unique-uid", "seccomp")
def test_memory_of_a_neighbour_is_not_read(found):
    (_, outside), (_, within) = found
    assert any(path.endswith("/mem") for path in outside[2])
    assert within[2] == []


# By their names, which need not be listed: where the service keeps what it needs, and another script's directory.
ALTER = """
import stat
def names():
    own, found = os.getcwd(), []
    up, base = os.path.dirname(own), os.path.dirname(os.path.dirname(own))
    for n in range(8):
        for folder in (f'{base}/slot-{n}', f'{up}/neighbour-{n}'):
            if own != folder and not own.startswith(folder + '/'): found += [folder + end for end in ('/work/kept', '/kept', '/work', '')]
    return [*found, *(f'{base}/harness/{name}' for name in ('serve.py', 'system.py')), f'{base}/harness', f'{base}/fonts', base]
def look(name):
    try: status = os.lstat(name)
    except OSError: return None
    return [stat.S_IMODE(status.st_mode), status.st_mtime == 1, status.st_size if stat.S_ISREG(status.st_mode) else 0]
def by_descriptor(name, function):
    for flags in (0, 3):
        error = attempt(lambda: function(os.open(name, flags)))
    check(0 if error == 'ok' else -1)
WAYS = {
    'times': lambda name: os.utime(name, (1, 1)),
    'times by descriptor': lambda name: by_descriptor(name, lambda fd: os.utime(fd, (1, 1))),
    'truncated': lambda name: os.truncate(name, 1),
    'truncated by opening': lambda name: os.open(name, os.O_TRUNC),
    'truncated by opening for nothing': lambda name: os.open(name, os.O_TRUNC | 3),
    'mode by descriptor': lambda name: by_descriptor(name, lambda fd: os.fchmod(fd, 0o500)),
    'mode': lambda name: os.chmod(name, 0),
}
def alter():
    changed = set()
    for name in names():
        for way, function in WAYS.items():
            before = look(name)
            attempt(function, name)
            if look(name) != before: changed.add(way)
            if way.startswith('tr') and before and before[2] > 1: attempt(lambda: open(name, 'r+').write('xyz'))
            if way.startswith('times') and before: attempt(os.utime, name, (2, 2))
    return sorted(changed)
"""
KEEPER = stays(1.5, "open('kept', 'w').write('xyz')", "before = os.stat('.').st_mode", "tell('kept')", "wait('altered', 1.3)",
               "return [os.stat('.').st_mode == before, open('kept').read()]")


@stopped_by("private-root", "unique-uid", "landlock", "seccomp")
def test_places_of_others_are_not_altered_by_their_names(service):
    attacker = stays(1.5, "wait('kept', 0.5)", "changed = alter()", "tell('altered')", "return changed", before=ALTER)
    changed, (_, _) = without_layers(attacker, KEEPER)
    assert len(changed) == 7, changed
    changed, (same, kept) = at_once(service, attacker, KEEPER)
    assert changed == [] and same and kept == "xyz"
    # Every slot can be used again.
    assert at_once(service, *[stays(1, "return 1")] * 4) == [1] * 4


# Everything that reaches a process by its number, and at the end kill(-1).
ATTACK = """
import fcntl, resource, signal
def own_by_signal(pid):
    r, w = os.pipe()
    fcntl.fcntl(r, fcntl.F_SETOWN, pid)
    fcntl.fcntl(r, fcntl.F_SETSIG, signal.SIGURG)
    fcntl.fcntl(r, fcntl.F_SETFL, fcntl.fcntl(r, fcntl.F_GETFL) | fcntl.FASYNC)
WAYS = {
    'stop': lambda pid: (os.kill(pid, signal.SIGSTOP), os.kill(pid, signal.SIGCONT)),
    'tgkill': lambda pid: check(libc.syscall(234, pid, pid, 18)),
    'tkill': lambda pid: check(libc.syscall(200, pid, 18)),
    'sigqueue': lambda pid: check(libc.sigqueue(pid, signal.SIGCONT, None)),
    'pidfd': lambda pid: signal.pidfd_send_signal(os.pidfd_open(pid), signal.SIGCONT),
    'renice': lambda pid: os.setpriority(os.PRIO_PROCESS, pid, 19),
    'affinity': lambda pid: os.sched_setaffinity(pid, {0}),
    'scheduler': lambda pid: os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0)),
    'io priority': lambda pid: check(libc.syscall(251, 1, pid, 3 << 13)),
    'prlimit': lambda pid: resource.prlimit(pid, resource.RLIMIT_CORE, (0, 0)),
    'read limits': lambda pid: resource.prlimit(pid, resource.RLIMIT_CORE),
    'group': lambda pid: os.setpgid(pid, pid),
    'owner': own_by_signal,
}
def exists(pid):
    error = attempt(os.kill, pid, 0)
    return error != 'ESRCH' and (error == 'ok' or attempt(lambda: os.close(os.pidfd_open(pid))) not in ('ESRCH', 'EINVAL'))
def attack(known):
    own = {os.getpid(), os.getppid() or 1}
    others = [pid for pid in (*range(1, 33000), *known) if pid not in own and exists(pid)]
    reached = sorted({name for pid in others for name, way in WAYS.items() if attempt(way, pid) == 'ok'})
    for way in WAYS.values(): attempt(way, os.getppid() or 1)
    attempt(os.killpg, os.getpgrp(), 0)
    attempt(os.setpriority, os.PRIO_USER, 0, 19)
    attempt(os.kill, -1, 9)
    return reached
"""
# The other one works meanwhile, and says what it found changed about itself.
VICTIM = stays(
    1.2, "import resource, signal",
    "def look(): return [os.getpriority(0, 0), sorted(os.sched_getaffinity(0)), os.sched_getscheduler(0), resource.getrlimit(resource.RLIMIT_CORE), os.getpgrp()]",
    "child = subprocess.Popen(['sleep', '60'])", "before, longest, last = look(), 0, time.monotonic()", "end = last + (30 if OUTSIDE else 1.1)", "tell('looked')",
    "while time.monotonic() < end and not told('attacked'):", "    time.sleep(0.005)", "    longest, last = max(longest, time.monotonic() - last), time.monotonic()",
    "return [look() == before, child.poll() is None, longest]")


def processors(service):
    """{pid: the processors it may use} of the service's processes."""
    found = {}
    for pid in (service.pid, *procs.descendants(service.pid)):
        with contextlib.suppress(OSError, KeyError):
            found[pid] = procs.status(pid)["Cpus_allowed_list"]
    return found


@stopped_by("namespaces", "unique-uid", "kill-filter", "landlock-scopes", "seccomp")
def test_others_are_not_stopped_changed_or_ended(service):
    known = service.place.pids(service.pid)
    attacker = stays(1.2, "wait('looked', 0.4)", f"reached = attack({known})", "tell('attacked')", "return reached", before=ATTACK)
    # Without kill(-1) first, so that the other one lives to say what was changed.
    tame = attacker.replace("attempt(os.kill, -1, 9)", "None")
    reached, (same, alive, _) = without_layers(tame, VICTIM, crowd=True)
    assert len(reached) >= 10 and not same and alive, reached  # 'group' is for one's own children, 'owner' for every one
    assert without_layers(attacker, VICTIM, crowd=True)[1] is None
    before = {} if service.place.sealed else processors(service)
    for _ in range(8):  # a machine that stands still does so now and then, an attack slows each time
        began = time.monotonic()
        reached, (same, alive, longest) = at_once(service, attacker, VICTIM)
        # 'owner': it is told who, and asked only when a signal is due, whether the uid may. With the kill filter it may not be
        # told, and 'group' says that it succeeded and does nothing.
        assert set(reached) <= ({"group"} if "kill-filter" in service.layers else {"owner"}), reached
        assert (same, alive) == (True, True) and service.client.get("/health").status == 200
        late = [longest > max(1, 0.5 * TIME_FACTOR), time.monotonic() - began > max(10, 5 * TIME_FACTOR)]
        if not any(late):
            break
    assert not any(late), (late, longest)
    if not service.place.sealed:
        after = processors(service)  # workers come and go meanwhile, the service's own processes stay
        assert len(before.keys() & after.keys()) >= 3 and all(after.get(pid, own) == own for pid, own in before.items())


# It has taken all before the other one begins, and keeps it until that one has ended.
KEEP = ["tell('taken')", "wait('done', 0.8)"]
HOGS = {
    "processes": stays(0.9, "made = 0", "while True:", "    try:", "        if os.fork() == 0: wait('done', 0.9); os._exit(0)", "        made += 1",
                       "    except OSError: break", *KEEP, "return made"),
    "spinning processes": stays(0.9, "made, began = 0, time.monotonic()", "for _ in range(20):", "    if os.fork() == 0:",
                                "        while time.monotonic() < began + 0.9: pass", "        os._exit(0)", "    made += 1", *KEEP, "return made"),
    "descriptors": stays(0.9, "kept = []", "try:", "    while True: kept.append(os.open('/dev/null', 0))", f"except OSError: {'; '.join(KEEP)}; return len(kept)"),
    "space": stays(0.9, "made = 100", "for n in range(100):", "    try: open(f'hog{n}', 'wb').write(bytes(2 << 20))", "    except OSError: made = n; break",
                   *KEEP, "return made"),
}
WORKER = stays(0.9, "import pathlib", "wait('taken', 0.3)", "failed = 0", "for n in range(10):", "    try: subprocess.run(['true'], check=True); pathlib.Path(f'w{n}').write_text('x' * 5000); os.close(os.dup(0))",
               "    except OSError: failed += 1", "tell('done')", "return failed")


@stopped_by("cgroup", "rlimits", "private-root", "unique-uid", "watchdog")
@pytest.mark.parametrize("name", HOGS)
def test_what_one_takes_the_other_has(service, name):
    # The control: under one limit for both, what one takes the other has not. Processors are not
    # limited there: it shows that they are taken.
    texts = (HOGS[name], WORKER)
    if name == "processes":
        made, failed = without_layers(*texts, before="ulimit -u 100\n", uid=control.STRANGER)
        assert made > 50 and failed == 10
    elif name == "space":
        made, failed = without_layers(*texts, before="mount -t tmpfs -o size=30m,mode=1777 tmpfs $ROOT/tmp\n")
        assert made < 20 and failed == 10
    else:
        made, _ = without_layers(*texts, crowd=True)
        assert made >= 20
    if name in ("space", "processes") and "watchdog" in service.layers:  # who takes too much is ended, not refused
        with ThreadPoolExecutor(2) as pool:
            hog, other = pool.map(lambda text: Client(service.port).execute(text), texts)
        # Of a cold interpreter each child counts whole.
        assert hog.outcome in ("success", "killed", "memory") and other.json["result"][0] == 0, (hog, other)
    else:
        assert at_once(service, *texts)[1] == 0


@stopped_by("cgroup", "rlimits", "watchdog")
def test_who_takes_too_much_memory_is_ended_alone(service):
    hog = script("time.sleep(0.3)", "held = bytearray(b'x') * 480_000_000", "hold()", "return len(held)")
    careful = stays(1.5, "held = bytearray(b'x') * 100_000_000", "child = subprocess.Popen(['sleep', '30'])", "time.sleep(1.2)",
                    "return [len(held), child.poll() is None]")
    with ThreadPoolExecutor(3) as pool:
        outside = pool.submit(control.run, hog)
        hogs, others = pool.map(lambda text: Client(service.port).execute(text), [hog, careful])
        assert outside.result().result == 480_000_000
    assert hogs.outcome == "memory", hogs
    assert others.json.get("result", [0])[0] == [100_000_000, True], others


@stopped_by("server")
def test_answers_go_to_who_asked(service):
    """The control: answers differ, so that a mix-up would be seen."""
    texts = [stays(min(3, 0.6 * TIME_FACTOR), f"print({n})", f"open('own', 'w').write('{n}')", "time.sleep(0.1)", "return open('own').read()") for n in range(4)]
    for _ in range(3):
        assert at_once(service, *texts) == ["0", "1", "2", "3"]
