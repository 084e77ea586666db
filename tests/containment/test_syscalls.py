"""Every system call that the policy denies by name is refused before the kernel looks at its
arguments. They are invalid on purpose, so that nothing happens where the call gets through: then the
kernel complains of the arguments (the control), not of the right to call. A few kernels lack some of
them: then the control shows that the call was reached, by ENOSYS, which is not the answer inside."""
import re

import pytest

from attempts import TOP, inside, script, stopped_by
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
    "a socket's interfaces": (16, 0, 0x8912, BAD), "a socket's hardware": (16, 0, 0x8946, BAD), "a socket's owner": (16, 0, 0x8901, BAD),
    "huge pages": (9, 0, 0, 3, 0x40022, -1, 0), "vmsplice": (278, -1, 0, 0, 0), "landlock_create_ruleset": (444, BAD, 0, 99),
    "TIOCSTI with upper bits": (16, 0, 0x100005412, BAD),
    "seccomp": (317, 9999, 0, 0), "kexec_load": (246, 0, 9999, BAD, 2**40), "kexec_file_load": (320, -1, -1, 0, 0, 9999),
    "init_module": (175, BAD, 0, BAD), "finit_module": (313, -1, BAD, 9999), "delete_module": (176, BAD, 0),
    "clock_adjtime": (305, 9999, BAD), "sethostname": (170, BAD, -1), "setdomainname": (171, BAD, -1), "vhangup": (153,),
    "quotactl_fd": (443, -1, BAD, 0, 0), "iopl": (172, 9), "ioperm": (173, BAD, 1, 1),
    "shmat": (30, -1, 0, 0), "shmctl": (31, -1, 9999, 0), "shmdt": (67, 1), "semop": (65, -1, BAD, 0), "semtimedop": (220, -1, BAD, 0, 0),
    "semctl": (66, -1, 0, 9999, 0), "msgsnd": (69, -1, BAD, 0, 0), "msgrcv": (70, -1, BAD, 0, 0, 0), "msgctl": (71, -1, 9999, 0),
    "mq_unlink": (241, BAD), "mq_timedsend": (242, -1, BAD, 0, 0, 0), "mq_timedreceive": (243, -1, BAD, 0, 0, 0), "mq_notify": (244, -1, BAD),
    "mq_getsetattr": (245, -1, 0, 0), "fanotify_mark": (301, -1, 9999, 0, -1, BAD),
    "unshare files of a new mount namespace": (272, 0x20000 | 0x200), "unshare time": (272, 0x80 | 0x1), "setns pidfd": (308, -1, 0x10000000),
    **{f"clone 0x{flag:x}": (56, flag | 0x200 | 0x10000000 * (flag == 0x20000), 0, 0, 0, 0) for flag in (0x20000, 0x10000000)},
    "prctl seccomp": (157, 22, 9999, 0, 0, 0), "prctl dumpable": (157, 4, 1, 0, 0, 0), "prctl subreaper": (157, 36, 1, 0, 0, 0),
    "prctl ambient": (157, 47, 9999, 0, 0, 0), "prctl keepcaps": (157, 8, 1, 0, 0, 0), "prctl ptracer": (157, 0x59616d61, 0, 0, 0, 0),
    "prctl drop from the bounding set": (157, 24, 9999, 0, 0, 0), "prctl securebits": (157, 28, 0, 0, 0, 0),
    "personality no randomization": (135, 0x0040000), "personality with upper bits": (135, 0x1_0004_0000),
    "x32 getpid": (0x40000000 | 39,), "number out of range": (9999,),
    "process_madvise": (440, -1, BAD, 1, 0, 0), "move_pages": (279, 1, 1, BAD, 0, 0, 0), "kcmp": (312, 1, 1, 99, 0, 0),
}
REFUSED = {"EPERM", "ENOSYS"}


@pytest.fixture(scope="module")
def answers(service):
    """What the kernel said to each call: ({name: errno} outside, {name: errno} inside)."""
    # Each in a child of a session of its own: no terminal to hang up, and what a call changes goes with it.
    text = script("found = {}", f"for name, arguments in {CALLS!r}.items():", "    r, w = os.pipe()", "    if os.fork() == 0:",
                  "        os.setsid()", "        os.write(w, syscall(*arguments).encode())", "        os._exit(0)",
                  "    os.close(w); found[name] = os.read(r, 99).decode(); os.close(r); os.wait()", "return found")
    return control.run(text).result, inside(service, text)


@stopped_by("seccomp")
@pytest.mark.parametrize("name", CALLS)
def test_call_is_refused(answers, name):
    outside, within = answers
    assert outside[name] != "EPERM", "the control did not reach the call"
    assert within[name] in (REFUSED if outside[name] != "ENOSYS" or name in UNKNOWN else {"EPERM"})


# Known to no kernel of ours: nothing can be told apart.
UNKNOWN = {"number out of range"}
# Denied only in part, or on other machines only; and where they are denied, other tests show it.
ELSEWHERE = {"socket", "socketpair", "bind", "listen", "connect", "accept", "accept4", "kill", "tkill", "tgkill", "rt_sigqueueinfo",
             "rt_tgsigqueueinfo", "pidfd_send_signal", "prlimit64", "setpriority", "ioprio_set", "sched_setaffinity", "sched_setparam",
             "sched_setscheduler", "sched_setattr", "umount", "stime"}


@stopped_by("seccomp")
def test_every_call_that_the_policy_names_is_tried():
    text = (TOP / "sandbox" / "seccomp_table.c").read_text()
    named = {name for names in re.findall(r'OTHERWISE\(EPERM, "([^"]*)"\)', text) for name in names.split()}
    assert len(named) > 80 and "ptrace" in named
    tried = {name.split(" ")[0] for name in CALLS}
    assert named - tried - ELSEWHERE == set()


@stopped_by("seccomp")
def test_clone3_says_not_implemented_so_that_glibc_falls_back(service):
    text = script(f"return syscall(435, {BAD}, 64)")
    assert control.run(text).result == "EFAULT"
    assert inside(service, text) == "ENOSYS"


# getpid() by `int 0x80`, the door of 32-bit programs: mov eax, 20; int 0x80; ret
OLD_ABI = script("import mmap", "page = mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, prot=7)", "page.write(bytes.fromhex('b814000000cd80c3'))",
                 "call = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))",
                 "return call() == os.getpid()")


@stopped_by("seccomp")
def test_32_bit_calls_are_refused(service):
    assert control.run(OLD_ABI).result is True
    answer = service.execute(OLD_ABI)
    assert answer.outcome == "killed" or answer.json.get("result") is False, answer
