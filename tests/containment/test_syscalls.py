"""Every system call that the policy denies by name is refused before the kernel looks at its
arguments. They are invalid on purpose, so that nothing happens where the call gets through: then the
kernel complains of the arguments (the control), not of the right to call. Calls that kernels are often
built without (modules, kexec, iopl) have no such control, so they are not in this table."""
import pytest

from attempts import inside, script
from support import control

BAD = 2**62  # no address, no flag
CALLS = {  # name: number (x86-64), arguments
    "ptrace": (101, 0x7777, 0, 0, 0), "process_vm_readv": (310, 1, BAD, 1, BAD, 1, 0), "process_vm_writev": (311, 1, BAD, 1, BAD, 1, 0),
    "pidfd_getfd": (438, -1, 0, 0), "keyctl": (250, 9999, 0, 0, 0, 0), "add_key": (248, BAD, BAD, 0, 0, 0), "request_key": (249, BAD, BAD, 0, 0),
    "userfaultfd": (323, BAD), "io_uring_setup": (425, 1, BAD), "io_uring_enter": (426, -1, 1, 1, 0, 0, 0), "io_uring_register": (427, -1, 0, 0, 0),
    "bpf": (321, 9999, BAD, 8), "perf_event_open": (298, BAD, 0, -1, -1, 0), "unshare": (272, 1), "unshare user": (272, 0x10000001), "setns": (308, -1, 0),
    "mount": (165, BAD, BAD, BAD, 0, 0), "umount2": (166, BAD, 0), "pivot_root": (155, BAD, BAD), "chroot": (161, BAD),
    "open_tree": (428, -1, BAD, 0), "move_mount": (429, -1, BAD, -1, BAD, 0), "fsopen": (430, BAD, 0), "fsconfig": (431, -1, 0, 0, 0, 0),
    "fsmount": (432, -1, 0, 0), "fspick": (433, -1, BAD, 0), "mount_setattr": (442, -1, BAD, 0, 0, 0),
    "name_to_handle_at": (303, -1, BAD, BAD, BAD, 0), "open_by_handle_at": (304, -1, BAD, 0),
    "clone new user": (56, 0x10000000 | 0x200, 0, 0, 0, 0), "clone new pid with thread": (56, 0x20000000 | 0x10000 | 0x800 | 0x100, 0, 0, 0, 0),
    "swapon": (167, BAD, 0), "swapoff": (168, BAD), "reboot": (169, 0, 0, 0, 0), "settimeofday": (164, BAD, BAD), "clock_settime": (227, 9999, BAD),
    "adjtimex": (159, BAD),
    "shmget": (29, 0, 0, 0), "semget": (64, 0, -1, 0), "msgget": (68, 1, 0), "mq_open": (240, BAD, 0, 0, 0),
    "modify_ldt": (154, 1, BAD, 1), "acct": (163, BAD), "quotactl": (179, BAD, BAD, 0, 0), "syslog": (103, 9999, 0, 0),
    "fanotify_init": (300, 0xffffffff, 0), "personality": (135, 0x0040000),
    "TIOCSTI": (16, 0, 0x5412, BAD), "TIOCLINUX": (16, 0, 0x541C, BAD),
    "process_madvise": (440, -1, BAD, 1, 0, 0), "move_pages": (279, 1, 1, BAD, 0, 0, 0), "kcmp": (312, 1, 1, 99, 0, 0),
}
REFUSED = {"EPERM", "ENOSYS"}


@pytest.fixture(scope="module")
def answers(service):
    """What the kernel said to each call: ({name: errno} outside, {name: errno} inside)."""
    text = script("found = {}", f"for name, arguments in {CALLS!r}.items():", "    found[name] = syscall(*arguments)", "return found")
    return control.run(text).result, inside(service, text)


@pytest.mark.parametrize("name", CALLS)
def test_call_is_refused(answers, name):
    outside, within = answers
    assert outside[name] not in REFUSED, "the control did not reach the call"
    assert within[name] in REFUSED


def test_clone3_says_not_implemented_so_that_glibc_falls_back(service):
    text = script(f"return syscall(435, {BAD}, 64)")
    assert control.run(text).result == "EFAULT"
    assert inside(service, text) == "ENOSYS"


# getpid() by `int 0x80`, the door of 32-bit programs: mov eax, 20; int 0x80; ret
OLD_ABI = script("import mmap", "page = mmap.mmap(-1, 4096, prot=7)", "page.write(bytes.fromhex('b814000000cd80c3'))",
                 "call = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))",
                 "return call() == os.getpid()")


def test_32_bit_calls_are_refused(service):
    assert control.run(OLD_ABI).result is True
    answer = service.execute(OLD_ABI)
    assert answer.outcome == "killed" or answer.json.get("result") is False, answer
