"""A script sees the system read-only, none of the files beside the service, and has bounded space."""
import os
import uuid

import pytest

from attempts import REFUSED, both, inside, script, stopped_by, survey
from support import control


@stopped_by("private-root", "landlock", "file-modes")
def test_secrets_beside_the_service_are_not_read(service, secrets):
    paths, token = secrets
    text = script("def read(path):", f"    return open(path).read() == {token[::-1]!r}[::-1] or check(-1)",
                  f"return [attempt(read, path) for path in {paths!r}]")
    assert control.run(text, "".join(f"mkdir -p $ROOT{os.path.dirname(p)}; echo -n {token} > $ROOT{p}\n" for p in paths)).result == ["ok"] * len(paths)
    # What docs/security.md names: without a root of its own, a script reads what the container keeps for
    # everybody to read in the /tmp that they share; by modes alone, whatever everybody may read.
    shared = () if "private-root" in service.layers else ("/",) if "file-modes" in service.layers else ("/tmp/",)
    for path, found in zip(paths, inside(service, text)):
        assert found in REFUSED or path.startswith(shared) and not path.startswith("/root/"), (path, found)


@stopped_by("private-root", "landlock", "file-modes")
def test_secrets_are_not_read_by_way_of_links(service, secrets):
    """Names that lead there: a symbolic link, `..`, a hard link, a rename, the root of a process."""
    paths, token = secrets
    path = paths[1]
    text = script(
        "def through(make):", "    name = make()", f"    return open(name).read() == {token[::-1]!r}[::-1] or check(-1)",
        f"ways = [lambda: os.symlink({path!r}, 'a') or 'a', lambda: os.path.relpath({path!r}),",
        f"        lambda: os.link({path!r}, 'b') or 'b', lambda: os.rename({path!r}, 'c') or os.link('c', {path!r}) or 'c',",
        f"        lambda: '/proc/self/root' + {path!r}, lambda: '/proc/self/cwd/' + os.path.relpath({path!r}),",
        f"        lambda: f'/proc/{{os.getppid() or 1}}/root' + {path!r}]",
        "return [attempt(through, way) for way in ways]")
    stage = f"echo -n {token} > $ROOT{path}"
    assert control.run(text, stage).result == ["ok"] * 7
    assert "ok" not in inside(service, text)


PATHS = ["/etc/shadow", "/etc/gshadow", "/etc/sudoers", "/proc/kallsyms", "/proc/1/mem", "/proc/1/environ", "/proc/1/cmdline", "/sys/kernel/uevent_seqnum",
         "/boot", "/root", "/var/log", "/var/lib/dpkg/status", "/proc/1/root/usr", "/proc/1/cwd/", "/sys/fs/cgroup", "/dev/kmsg", "/run"]


# What docs/security.md names: by modes alone, a script reads what the container has for everybody to read.
OPEN_TO_ALL = {"/boot", "/var/log", "/var/lib/dpkg/status", "/sys/fs/cgroup", "/run", "/proc/1/environ", "/proc/1/cmdline"}


@pytest.fixture(scope="module")
def paths(service):
    read = "def read(path):\n    return os.listdir(path) if os.path.isdir(path) else os.close(os.open(path, 0))\n"
    return survey(service, {path: f"read({path!r})" for path in PATHS}, read,
                  "mount -t sysfs sysfs $ROOT/sys\nmount -t tmpfs tmpfs $ROOT/sys/fs/cgroup\n: >> $ROOT/etc/sudoers\nmknod $ROOT/dev/kmsg c 1 11\n")


@stopped_by("private-root", "private-proc", "landlock", "file-modes")
@pytest.mark.parametrize("path", PATHS)
def test_path_is_unreadable(service, paths, path):
    outside, within = paths
    assert outside[path] == "ok"
    if path == "/run" and within[path] == "ok" and "private-root" in service.layers:  # one of its own: nothing but what the service puts there
        assert inside(service, script("return os.listdir('/run')")) == ["harness"]
    elif "file-modes" not in service.layers or path not in OPEN_TO_ALL:
        assert within[path] in REFUSED


# Looks for a word without ever holding it whole: two halves that meet. In what is its own too.
SEARCH = """
import glob, re
def hits(data, first, second):
    return any(data[m.end():m.end() + len(second)] == second for m in re.finditer(first, data))
def copy(low, high):
    "Through a pipe: what cannot be read there is an error and not the end."
    r, w = os.pipe()
    parts = []
    for address in range(low, high, 1 << 16):
        size = libc.write(w, ctypes.c_void_p(address), min(1 << 16, high - address))
        parts.append(os.read(r, size) if size > 0 else bytes(1))
    os.close(r); os.close(w)
    return b''.join(parts)
def search(first, second):
    found, readable = [], 0
    for folder in glob.glob('/proc/[0-9]*') or ['/proc/self']:
        for name in ('environ', 'cmdline', 'maps'):
            try:
                data = open(folder + '/' + name, 'rb').read()
                readable += 1
                if hits(data, first, second): found.append(folder + '/' + name)
            except OSError: pass
        own = folder in ('/proc/self', f'/proc/{os.getpid()}')  # read as one reads one's own: that file may be closed to it
        try:
            maps = [[int(x, 16) for x in l.split()[0].split('-')] for l in open(folder + '/maps') if ' rw' in l]
            mem = None if own else open(folder + '/mem', 'rb', buffering=0)
        except OSError: continue
        for low, high in maps:
            try:
                if not own: mem.seek(low)
                data = copy(low, high) if own else mem.read(high - low) or b''
            except (OSError, OverflowError, ValueError): continue
            readable += 1
            if hits(data, first, second): found.append(folder + '/mem')
            del data
    return [sorted(set(found)), readable]
"""


def halves(token):
    return token[:16].encode(), token[16:].encode()


@stopped_by("private-proc", "unique-uid", "landlock", "server")
def test_memory_and_environment_of_the_service_hold_nothing_for_a_script(start_server):
    token = uuid.uuid4().hex
    text = script(f"return [*search(*{halves(token)!r}), os.path.exists('/proc/self/maps')]", before=SEARCH)
    found, _, _ = control.run(text, before=f"SECRET={token} sleep 30 9>&- 3>&- &\n"
                              f"until grep -qs {token} $ROOT/proc/$!/environ; do sleep 0.01; done").result
    assert any(path.endswith("/environ") for path in found) and any(path.endswith("/mem") for path in found), found
    server = start_server("--slots=1", environment={"CR_TEST_SECRET": token})
    server.client.request("GET", f"/health?{token}", headers={"Authorization": f"Bearer {token}"})
    found, readable, has_proc = inside(server, text)
    assert found == []
    assert readable > 10 or not has_proc, "it could not even read its own"


@stopped_by("server")
def test_memory_holds_nothing_of_the_run_before(start_server):
    token = uuid.uuid4().hex
    secret = script(f"global kept; kept = '{token}' * 1000", "os.environ['KEPT'] = kept", "open('kept', 'w').write(kept)", "return len(kept)")
    text = script(f"return search(*{halves(token)!r})", before=SEARCH)
    both = secret.replace("def main", "def keep") + text.replace("def main", "def look") + "def main():\n    keep()\n    return look()\n"
    assert control.run(both).result[0] != []
    server = start_server("--slots=1")
    assert inside(server, secret) == 32000
    for _ in range(2):
        assert inside(server, text)[0] == []


READ_ONLY = ["/usr/x", "/usr/lib/python3/dist-packages/x.py", "/etc/x", "/usr/local/lib/x", "/bin/x", "/lib/x", "/x", "/home/x", "/var/x",
             "/dev/x", "/proc/sys/kernel/domainname", "/run/x"]
CHANGES = {
    "change a program": "os.chmod('/usr/bin/env', 0o4755)", "change a program by its descriptor": "os.fchmod(os.open('/usr/bin/env', 0), 0o755)",
    "overwrite a program": "open('/usr/bin/env', 'ab')", "truncate a program": "os.truncate('/usr/bin/[', 0)",
    "times of a program": "os.utime('/usr/bin/env', (1, 1))", "owner of a program": "os.chown('/usr/bin/env', 1, 1)",
    "link to a program": "os.link('/usr/bin/env', '/usr/bin/evil0')", "attribute of a program": "os.setxattr('/usr/bin/env', 'user.evil', b'1')",
    "rename a program": "os.rename('/usr/bin/env', '/usr/bin/evil')", "remove a program": "os.remove('/usr/bin/evil')",
    "change the host name": "socket.sethostname('evil')", "make a device": "os.mknod('sda', 0o60600, os.makedev(1, 1))",
    "make a character device": "os.mknod('mem', 0o20600, os.makedev(1, 1))",
    "mode of a device": "os.chmod('/dev/null', 0o600)", "flags of a program": "flags('/usr/bin/[')",
    "truncate a program that is opened to read": "os.open('/usr/bin/[', os.O_TRUNC)", "truncate a program that is opened for nothing": "os.open('/usr/bin/[', os.O_TRUNC | 3)",
    "mount": "check(libc.mount(b'tmpfs', b'/mnt', b'tmpfs', 0, None))", "bind mount": "check(libc.mount(b'/usr', b'/mnt', None, 4096, None))",
    "remount writable": "check(libc.mount(b'tmpfs', b'/', b'', 32, None))", "unmount": "check(libc.umount2(b'/mnt', 2))",
    "change the root": "os.chroot('/usr')",
}


# FS_IOC_GETFLAGS, FS_IOC_SETFLAGS: the same flags again, for which the owner needs no capability.
FLAGS = """
import fcntl
def flags(path):
    fd = os.open(path, 0)
    fcntl.ioctl(fd, 0x40086602, fcntl.ioctl(fd, 0x80086601, bytes(8)))
"""
# What may be said to succeed where it does nothing: how it shows, and what it must be.
DOES_NOTHING = {
    "change a program": ("os.stat('/usr/bin/env').st_mode & 0o7777", 0o755),
    "change a program by its descriptor": ("os.stat('/usr/bin/env').st_mode & 0o7777", 0o755),
    "times of a program": ("os.stat('/usr/bin/env').st_mtime == 1", False),
    "attribute of a program": ("os.listxattr('/usr/bin/env')", []),
    "mode of a device": ("os.stat('/dev/null').st_mode & 0o7777", 0o666),
}


@pytest.fixture(scope="module")
def writes(service):
    attempts = {path: f"os.close(os.open({path!r}, os.O_WRONLY | os.O_CREAT, 0o600))" for path in READ_ONLY}
    return survey(service, attempts | CHANGES, FLAGS)


@stopped_by("private-root", "landlock", "file-modes")
@pytest.mark.parametrize("path", READ_ONLY)
def test_system_is_read_only(writes, path):
    outside, within = writes
    assert outside[path] == "ok"
    assert within[path] in REFUSED


@stopped_by("private-root", "landlock", "no-new-privileges", "seccomp", "file-modes")
@pytest.mark.parametrize("name", CHANGES)
def test_change_of_the_system_is_refused(service, writes, name):
    outside, within = writes
    assert outside[name] == "ok"
    if name in DOES_NOTHING and within[name] == "ok":
        look, unchanged = DOES_NOTHING[name]
        assert inside(service, script(f"return {look}")) == unchanged
    else:
        # EXDEV: the program is on another file system than where it should go. ENOTTY: of gVisor, which has no flags.
        assert within[name] in REFUSED | {"EXDEV"} | ({"ENOTTY"} if name == "flags of a program" else set())


@stopped_by("rlimits")
def test_file_size_is_bounded(service):
    text = script(
        "import signal", "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)",
        "def grow():", "    with open('big', 'wb', buffering=0) as file:",
        "        for _ in range(12): file.write(b'x' * (1 << 20))",
        "def stretch():", "    with open('long', 'wb') as file: file.truncate(11 << 20)",
        "return [attempt(grow), os.path.getsize('big'), attempt(stretch), os.path.getsize('long')]")
    assert control.run(text).result == ["ok", 12 << 20, "ok", 11 << 20]
    assert inside(service, text) == ["EFBIG", 10 << 20, "EFBIG", 0]


@stopped_by("rlimits")
def test_file_size_is_bounded_without_the_handler_of_python(service):
    """A child of another program dies of SIGXFSZ; the script goes on."""
    text = script("done = subprocess.run(['dd', 'if=/dev/zero', 'of=big', 'bs=1M', 'count=12'], stderr=-3)",
                  "return [done.returncode == 0, os.path.getsize('big') <= 10 << 20]")
    assert control.run(text).result == [True, False]
    assert inside(service, text) == [False, True]


FOLDERS = [".", "/tmp", "/dev/shm"]


@stopped_by("private-root", "cgroup", "watchdog")
@pytest.mark.parametrize("folder", FOLDERS)
def test_scratch_space_is_bounded(service, folder):
    """Many files, each within the limit of one: refused, or the end of the run by who only looks from time to time."""
    text = script(
        "def fill():", "    for number in range(60):", f"        with open(f'{folder}/{{number}}', 'wb', buffering=0) as file:",
        "            file.write(bytes(9 << 20))",
        f"result = [attempt(fill), sum(os.path.getsize(f'{folder}/{{n}}') for n in range(60) if os.path.exists(f'{folder}/{{n}}'))]",
        "if result[0] == 'ok': hold()", "return result")
    outside, answer = both(service, text)
    assert outside == ["ok", 60 * (9 << 20)]
    if answer.status == 200:
        error, size = answer.json["result"]
        assert error in REFUSED | {"ENOSPC", "EDQUOT"} and size < 300 << 20, answer
    else:  # ended by who only looks from time to time, for this and nothing else
        assert answer.outcome == "killed" and "its files are too large or too many" in answer.json["error"], answer


@stopped_by("private-root", "cgroup", "watchdog")
@pytest.mark.parametrize("folder", FOLDERS)
def test_inodes_are_bounded(service, folder):
    text = script("def fill():", "    for number in range(30000):", f"        os.mknod(f'{folder}/{{number}}')",
                  "result = attempt(fill)", "if result == 'ok': hold()", "return result")
    outside, answer = both(service, text)
    assert outside == "ok"
    assert answer.status == 400 or answer.json["result"] in REFUSED | {"ENOSPC", "EDQUOT"}, answer


@stopped_by("rlimits")
def test_descriptors_are_bounded(service):
    text = script("import resource", "hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]",
                  "resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))",
                  "kept = []", "return attempt(lambda: [kept.append(os.open('/dev/null', 0)) for _ in range(4200)])")
    assert control.run(text).result == "ok"
    assert inside(service, text) == "EMFILE"


# By fstat and not by /proc: every number up to the limit.
DESCRIPTORS = script(
    "import stat", "kinds = {}", "for number in range(4096):", "    try: kinds[number] = stat.S_IFMT(os.fstat(number).st_mode)",
    "    except OSError: pass",
    "folders = [n for n, kind in kinds.items() if kind == stat.S_IFDIR]",
    "devices = [n for n, kind in kinds.items() if kind in (stat.S_IFCHR, stat.S_IFBLK) and os.fstat(n).st_rdev != os.makedev(1, 3)]",
    "files = [n for n, kind in kinds.items() if kind == stat.S_IFREG]",
    "out = [n for n in kinds if attempt(lambda: os.open('..', os.O_RDONLY, dir_fd=n)) == 'ok']",
    "sockets = [n for n, kind in kinds.items() if kind == stat.S_IFSOCK]",
    "network = [n for n in sockets if socket.socket(fileno=os.dup(n)).family != socket.AF_UNIX]",
    "return [sorted(kinds), folders, devices, files, out, network]")


@stopped_by("server")
def test_no_descriptor_leads_out(service):
    stage = "exec 5</root 6<>/dev/zero 7</etc/shadow 8<>/dev/udp/127.0.0.1/9\n"
    numbers, *leads = control.run(DESCRIPTORS, stage).result
    assert {5, 6, 7, 8} <= set(numbers) and leads == [[5], [6], [7], [5], [8]]
    numbers, *leads = inside(service, DESCRIPTORS)
    assert set(numbers) <= {0, 1, 2, 3}
    assert leads == [[], [], [], [], []]


# The channel is the one socket that a script has. A pipe's writing end is sent over it; at the reading
# end one sees whether anybody took it.
SEND = """
import array, select, stat
def channel():
    return next(n for n in range(3, 64) if attempt(os.fstat, n) == 'ok' and stat.S_ISSOCK(os.fstat(n).st_mode))
def send(number, count):
    reader, writer = os.pipe()
    s = socket.socket(fileno=os.dup(number))
    sent = attempt(s.sendmsg, [b'x'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [writer] * count))])
    os.close(writer)
    closed = select.select([reader], [], [], 1 if OUTSIDE else 10)[0] != []
    return [sent, 'dropped' if closed else 'held']
"""


@stopped_by("server")
def test_descriptors_sent_to_the_service_are_dropped(service):
    taken = script("a, b = socket.socketpair()", "pid = os.fork()",
                   "if pid == 0: kept = socket.recv_fds(b, 1, 253); time.sleep(30); os._exit(0)",
                   "b.close()", "return [send(a.fileno(), count) for count in (1,)]", before=SEND)
    assert control.run(taken).result == [["ok", "held"]]
    text = script("number = channel()", "for count in (1, 253): print(send(number, count), flush=True)", "os._exit(0)", before=SEND)
    for _ in range(3):
        answer = service.execute(text)
        assert answer.status == 400, answer
        lines = answer.json["stdout"].splitlines()
        assert lines[:1] == ["['ok', 'dropped']"] and not [line for line in lines if "held" in line], answer
    assert service.client.get("/health").status == 200
    assert inside(service, script("return 1")) == 1
