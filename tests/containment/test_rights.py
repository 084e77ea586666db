"""What a script may do, as the kernel tells it, and that no program or file gives it more."""
import shutil
import uuid

import pytest

from attempts import REFUSED, inside, script, stopped_by
from support import control

# By prctl(2) and capget(2): /proc may not be there. PR_CAPBSET_READ is not asked: where the bounding
# set cannot be emptied, no_new_privs keeps it from mattering.
RIGHTS = script("header = (ctypes.c_uint32 * 2)(0x20080522, 0)", "sets = (ctypes.c_uint32 * 6)()", "check(libc.capget(header, sets))",
                "return [libc.prctl(39, 0, 0, 0, 0), any(sets), libc.prctl(21, 0, 0, 0, 0), 0 in os.getresuid() + os.getresgid() + tuple(os.getgroups())]")


@stopped_by("no-new-privileges", "seccomp")
def test_script_has_no_rights(service):
    assert control.run(RIGHTS).result == [0, True, 0, True]
    no_new_privileges, capabilities, filtered, root = inside(service, RIGHTS)
    assert (no_new_privileges, capabilities, filtered) == (1, False, 2)
    # With the service's own uid and gid, these are what the operator gave: docker's --user leaves group 0.
    assert not root or "unique-uid" not in service.layers


@stopped_by("no-new-privileges")
def test_rights_do_not_come_back(service):
    text = script("tried = [attempt(os.setuid, 0), attempt(os.setgid, 0), attempt(os.setgroups, [0]), attempt(os.setresuid, 0, 0, 0)]",
                  "header = (ctypes.c_uint32 * 2)(0x20080522, 0)", "tried.append(attempt(lambda: check(libc.capset(header, (ctypes.c_uint32 * 6)(1, 1, 0, 0, 0, 0)))))",
                  "return tried")
    assert control.run(text).result == ["ok"] * 5
    found = set(inside(service, text))
    if "unique-uid" not in service.layers:  # to become what one is already gives nothing
        found -= {"ok"}
        assert inside(service, RIGHTS)[1] is False
    assert found <= REFUSED | {"EINVAL"}


@pytest.fixture
def set_uid_program(service):
    path = f"/usr/local/bin/cr-test-{uuid.uuid4().hex}"
    beside = service.place.path(path)
    shutil.copy("/usr/bin/id", beside)
    beside.chmod(0o4755)
    yield path
    beside.unlink()


def is_nothing_new(service, user, own):
    """What id said it was. Where the service itself is root, without capabilities, its scripts are as well."""
    if own == 0 and "unique-uid" not in service.layers:
        return user in ("0", "refused") and inside(service, RIGHTS)[1] is False
    return user not in ("0", "")


@stopped_by("no-new-privileges", "private-root")
def test_set_uid_programs_give_nothing(service, set_uid_program):
    """One of the system's, and one that the script makes itself."""
    text = script(f"id = {set_uid_program!r}",
                  "try: user = subprocess.run([id, '-u'], capture_output=True, text=True).stdout.strip()",
                  "except OSError as error: user = 'refused'", "return [user, os.getuid()]")
    stage = f"cp /usr/bin/id $ROOT{set_uid_program}\nchmod 4755 $ROOT{set_uid_program}\n"
    user, own = control.run(text, stage, uid=control.STRANGER).result
    assert user == "0" and own >= 100000
    user, own = inside(service, text)
    assert is_nothing_new(service, user, own)


@stopped_by("no-new-privileges", "file-modes", "private-root")
def test_set_uid_files_of_its_own_give_a_script_nothing(service):
    """A copy for root: chown, then the bits. The control does that as root, and runs it as another."""
    text = script("import shutil", "shutil.copyfile('/usr/bin/id', 'evil')",
                  "tried = [attempt(os.chown, 'evil', 0, 0), attempt(os.chmod, 'evil', 0o6755)]",
                  "try: user = subprocess.run(['./evil', '-u'], capture_output=True, text=True, user=54321 if os.getuid() == 0 else None).stdout.strip()",
                  "except OSError: user = 'refused'", "return [tried[0], user, os.getuid()]")
    assert control.run(text).result == ["ok", "0", 0]
    owner, user, own = inside(service, text)
    assert owner in REFUSED | {"EINVAL"} and is_nothing_new(service, user, own)


PROGRAMS = {  # name: a command, run as an ordinary user would, and what it prints when it works
    "a user namespace": (["unshare", "--user", "--map-root-user", "id", "-u"], "0"),
    "a mount namespace": (["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", "mount -t tmpfs x /mnt && echo mounted"], "mounted"),
    "another root": (["unshare", "--user", "--map-root-user", "--root", "/", "echo", "moved"], "moved"),
    "a network": (["unshare", "--user", "--map-root-user", "--net", "ip", "link", "set", "lo", "up"], ""),
}


@stopped_by("seccomp")
@pytest.mark.parametrize("name", PROGRAMS)
def test_namespaces_give_nothing(service, name):
    command, output = PROGRAMS[name]
    text = script(f"done = subprocess.run({command!r}, capture_output=True, text=True)", "return [done.returncode, done.stdout.strip()]")
    # Not from a chroot: who is in one may make no user namespace, so the copy becomes the real root first.
    assert control.run(text, "mkdir -p $ROOT/old; cd $ROOT; pivot_root . old; ROOT=/; \n").result == [0, output]
    status, printed = inside(service, text)
    assert status != 0 and printed == ""


@stopped_by("private-root", "landlock", "seccomp")
def test_no_terminal_to_type_into(service):
    """TIOCSTI needs one: a script gets no terminal, and the call is refused on what is none (see
    test_syscalls.py)."""
    text = script("return [attempt(os.openpty), attempt(os.open, '/dev/tty', 2), attempt(os.open, '/dev/console', 2)]")
    stage = "mkdir $ROOT/dev/pts; mount -t devpts -o newinstance,ptmxmode=0666 devpts $ROOT/dev/pts; ln -s pts/ptmx $ROOT/dev/ptmx\n"
    assert control.run(text, stage).result[0] == "ok"
    assert set(inside(service, text)) <= REFUSED | {"ENXIO"}
