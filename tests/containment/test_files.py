"""A script sees the system read-only, none of the host's own files, and has bounded space that is gone
with it."""
import os
import pathlib
import uuid

import pytest

from attempts import inside, script
from support import control


@pytest.fixture(scope="module")
def secrets():
    """Files of the host that a script has no business with: {path: content}."""
    token = uuid.uuid4().hex
    files = {pathlib.Path(folder) / f"cr-test-{token}": mode
             for folder, mode in (("/root", 0o600), ("/var/tmp", 0o644), ("/tmp", 0o644), ("/var/lib", 0o644), ("/etc", 0o644))}
    for path, mode in files.items():
        path.write_text(token)
        path.chmod(mode)
    yield list(map(str, files)), token
    for path in files:
        path.unlink()


def test_secrets_of_the_host_are_not_there(service, secrets):
    paths, _ = secrets
    text = script(f"return [attempt(lambda: open(path).read()) for path in {paths!r}]")
    assert control.run(text).result == ["ok"] * len(paths)
    assert inside(service, text) == ["ENOENT"] * len(paths)


@pytest.mark.parametrize("path", ["/etc/shadow", "/etc/gshadow", "/proc/kallsyms", "/proc/1/mem", "/proc/1/environ",
                                  "/sys/kernel/uevent_seqnum", "/boot", "/root", "/var/log", "/var/lib/dpkg/status"])
def test_path_is_unreadable(service, path):
    text = script(f"path = {path!r}", "return attempt(lambda: os.listdir(path) if os.path.isdir(path) else open(path, 'rb').read(1))")
    stage = "mount -t sysfs sysfs $ROOT/sys"
    # ENXIO, EIO: opened, but nothing to read at offset 0
    assert control.run(text, stage).result in ("ok", "EIO", "ENXIO")
    assert inside(service, text) in ("ENOENT", "EACCES", "EPERM")


# Looks for a word without ever holding it whole: two halves that meet.
SEARCH = """
import glob, re
def hits(data, first, second):
    return any(data[m.end():m.end() + len(second)] == second for m in re.finditer(first, data))
def search(first, second):
    found, readable = [], 0
    for folder in glob.glob('/proc/[0-9]*'):
        for name in ('environ', 'cmdline', 'maps'):
            try:
                data = open(folder + '/' + name, 'rb').read()
                readable += 1
                if hits(data, first, second): found.append(folder + '/' + name)
            except OSError: pass
        own = folder == f'/proc/{os.getpid()}'  # read as one reads one's own: that file may be closed to it
        try:
            maps = [[int(x, 16) for x in l.split()[0].split('-')] for l in open(folder + '/maps') if ' rw' in l]
            mem = None if own else open(folder + '/mem', 'rb', buffering=0)
        except OSError: continue
        for low, high in maps:
            try:
                if not own: mem.seek(low)
                data = ctypes.string_at(low, high - low) if own else mem.read(high - low) or b''
            except (OSError, OverflowError, ValueError): continue
            readable += 1
            if hits(data, first, second): found.append(folder + '/mem')
            del data
    return [sorted(set(found)), readable]
"""


def test_memory_and_environment_of_the_service_hold_nothing_for_a_script(start_server):
    token = uuid.uuid4().hex
    halves = (token[:16].encode(), token[16:].encode())
    text = script(f"return search(*{halves!r})", before=SEARCH)
    found, _ = control.run(text, before=f"SECRET={token} sleep 30 9>&- 3>&- &").result
    assert any(path.endswith("/environ") for path in found) and any(path.endswith("/mem") for path in found), found
    server = start_server("--slots=1", environment={"CR_TEST_SECRET": token})
    server.client.request("GET", f"/health?{token}", headers={"Authorization": f"Bearer {token}"})
    found, readable = inside(server, text)
    assert found == []
    assert readable > 10, "it could not even read its own"


READ_ONLY = ["/usr/x", "/usr/lib/python3/dist-packages/x.py", "/etc/x", "/usr/local/lib/x", "/bin/x", "/lib/x", "/x"]


@pytest.mark.parametrize("path", READ_ONLY)
def test_system_is_read_only(service, path):
    text = script(f"return attempt(open, {path!r}, 'w')")
    assert control.run(text).result == "ok"
    assert inside(service, text) in ("EROFS", "EACCES")


@pytest.mark.parametrize("name, action", [
    ("change a program", "os.chmod('/usr/bin/env', 0o4755)"), ("remove a program", "os.remove('/usr/bin/env')"),
    ("rename a program", "os.rename('/usr/bin/env', '/usr/bin/evil')"), ("change the host name", "socket.sethostname('evil')"),
    ("write a sysctl", "open('/proc/sys/kernel/domainname', 'w').write('evil')"),
    ("make a device", "os.mknod('/tmp/sda', 0o60600, os.makedev(1, 1))"),
    ("mount", "libc.mount(b'tmpfs', b'/tmp', b'tmpfs', 0, None) == 0 or (_ for _ in ()).throw(OSError(ctypes.get_errno(), ''))"),
    ("remount /usr writable", "libc.mount(b'tmpfs', b'/', b'', 32, None) == 0 or (_ for _ in ()).throw(OSError(ctypes.get_errno(), ''))"),
], ids=lambda value: value[:24])
def test_privileged_change_is_refused(service, name, action):
    text = script(f"return attempt(lambda: {action})")
    assert control.run(text).result == "ok"
    # A file of /proc/sys may also be hidden.
    assert inside(service, text) in {"EROFS", "EACCES", "EPERM"} | ({"ENOENT"} if "/proc/sys/" in action else set())


def test_file_size_is_bounded(service):
    text = script(
        "import signal", "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)",
        "def grow():", "    with open('/tmp/big', 'wb', buffering=0) as file:",
        "        for _ in range(12): file.write(b'x' * (1 << 20))",
        "return [attempt(grow), os.path.getsize('/tmp/big')]")
    assert control.run(text).result == ["ok", 12 << 20]
    assert inside(service, text) == ["EFBIG", 10 << 20]


def test_file_size_is_bounded_without_the_handler_of_python(service):
    """A child of another program dies of SIGXFSZ; the script goes on."""
    text = script("done = subprocess.run(['dd', 'if=/dev/zero', 'of=/tmp/big', 'bs=1M', 'count=12'], stderr=-3)",
                  "return [done.returncode == 0, os.path.getsize('/tmp/big') <= 10 << 20]")
    assert control.run(text).result == [True, False]
    assert inside(service, text) == [False, True]


@pytest.mark.parametrize("folder", [".", "/tmp", "/dev/shm"])
def test_scratch_space_is_bounded(service, folder):
    """Many files, each within the limit of one. Space is bounded by itself or by the memory limit."""
    text = script(
        "def fill():", "    for number in range(60):", f"        with open(f'{folder}/{{number}}', 'wb', buffering=0) as file:",
        "            file.write(b'x' * (9 << 20))",
        f"return [attempt(fill), sum(os.path.getsize(f'{folder}/{{n}}') for n in range(60) if os.path.exists(f'{folder}/{{n}}'))]")
    assert control.run(text).result == ["ok", 60 * (9 << 20)]
    answer = service.execute(text)
    if answer.status == 200:
        error, size = answer.json["result"]
        assert error in ("ENOSPC", "EDQUOT") and size < 300 << 20, answer
    else:
        assert answer.outcome == "memory", answer


@pytest.mark.parametrize("folder", [".", "/tmp", "/dev/shm"])
def test_inodes_are_bounded(service, folder):
    text = script("def fill():", "    for number in range(120000):", f"        os.close(os.open(f'{folder}/{{number}}', os.O_CREAT | os.O_WRONLY))",
                  "return attempt(fill)")
    assert control.run(text).result == "ok"
    answer = service.execute(text)
    assert answer.json.get("result") in ("ENOSPC", "EDQUOT") or answer.outcome == "memory", answer


def test_descriptors_are_bounded(service):
    text = script("import resource", "hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]",
                  "resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))",
                  "kept = []", "return attempt(lambda: [kept.append(os.open('/dev/null', 0)) for _ in range(4200)])")
    assert control.run(text).result == "ok"
    assert inside(service, text) == "EMFILE"


FOLDERS = ("", "/tmp/", "/dev/shm/", "/var/tmp/", "/run/", "/home/")


def test_files_do_not_persist(start_server):
    server = start_server("--slots=1")
    token = uuid.uuid4().hex
    plant = script("done = []", f"for folder in {FOLDERS!r}:", f"    if attempt(open, folder + '{token}', 'w') == 'ok': done.append(folder)", "return done")
    look = script(f"return [folder for folder in {FOLDERS!r} if os.path.exists(folder + '{token}')]")
    both = plant.replace("def main", "def plant") + look.replace("def main", "def look") + "def main():\n    return [plant(), look()]\n"
    planted, seen = control.run(both).result
    assert planted == seen and "/tmp/" in seen
    planted = inside(server, plant)
    assert {"", "/tmp/", "/dev/shm/"} <= set(planted)
    assert inside(server, look) == []
    assert not [folder for folder in FOLDERS if folder and os.path.exists(folder + token)]
