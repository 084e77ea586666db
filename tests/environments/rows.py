"""The environments as data: what each is made of. Must not start anything.

Names are those of CODE_RUNNER_ENVIRONMENT and of `make test-environments ONLY=...`.
"""
from dataclasses import dataclass

# What docker and podman give a container that asks for nothing.
DOCKER = tuple("AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE NET_RAW SETFCAP SETGID SETPCAP "
               "SETUID SYS_CHROOT".split())
# All there are, by number.
NAMES = ("CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE "
         "NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN "
         "SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE "
         "MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE").split()


def own():
    """Those that this process may have: a container cannot be given more."""
    with open("/proc/self/status", encoding="ascii") as file:
        bits = next(int(line.split()[1], 16) for line in file if line.startswith("CapBnd:"))
    return tuple(name for number, name in enumerate(NAMES) if bits >> number & 1)


@dataclass(frozen=True)
class Row:
    name: str
    what: str
    runtime: str = "runc"  # runc, runsc, podman, image, vm
    uid: int = 0
    gid: int = 0
    capabilities: tuple = DOCKER
    privileged: bool = False  # no profile, nothing masked, /sys and cgroups writable
    no_new_privileges: bool = False
    read_only: bool = False  # / cannot be written, nor /tmp; /dev/shm can
    time_factor: float = 2.0  # how much slower than the machine itself, beside others
    flags: tuple = ()  # of code-runner, before those of a test
    tests: tuple = ()  # for pytest: which part of the suite, if not all of it
    profile: str = ""  # a seccomp profile of the tree, instead of docker's own
    proc: tuple = ()  # mount options of /proc besides docker's
    refuses: str = ""  # the service does not start there, and says this


# For a row that differs from another one in a part: what that part can change.
SHORT = ("-k", "test_environment or test_neighbours or secrets or one_process or nothing_outlives")

# Rows that may run at the same time have uids of their own: the kernel counts the processes of a uid in all containers.
ROWS = {row.name: row for row in (
    Row("privileged", "docker run --privileged", capabilities=own(), privileged=True),
    Row("docker", "docker run"),
    Row("docker-user", "docker run --user 10001", uid=10001),
    Row("docker-capdrop", "docker run --user 10002:10002 --cap-drop=ALL --security-opt no-new-privileges",
        uid=10002, gid=10002, capabilities=(), no_new_privileges=True),
    Row("docker-root-capdrop", "docker run --cap-drop=ALL --security-opt no-new-privileges",
        capabilities=(), no_new_privileges=True),
    Row("docker-read-only", "docker run --read-only", read_only=True),
    Row("docker-few-capabilities", "docker run --cap-drop=ALL --cap-add={SETUID,SETGID,SETPCAP}",
        capabilities=("SETUID", "SETGID", "SETPCAP"), tests=SHORT),
    Row("docker-hidepid", "docker run --user 10001:10001, with a /proc that hides the processes of others", uid=10001, gid=10001, proc=("hidepid=2",),
        refuses="the watchdog does not see a worker"),
    Row("docker-profile", "docker run --security-opt seccomp=deploy/docker/seccomp.json", profile="deploy/docker/seccomp.json", tests=SHORT),
    Row("kubernetes", "what deploy/kubernetes/pod-security.yaml makes of it: that profile, --read-only --user 10001:10001 --cap-drop=ALL "
        "--security-opt no-new-privileges", profile="deploy/docker/seccomp.json", read_only=True, uid=10001, gid=10001, capabilities=(),
        no_new_privileges=True, tests=SHORT),
    Row("docker-cold", "docker run, with --start=cold", flags=("--start=cold",), tests=SHORT),
    Row("docker-user-cold", "docker run --user 10003, with --start=cold", uid=10003, flags=("--start=cold",), tests=SHORT),
    Row("docker-sysadmin", "docker run --cap-add SYS_ADMIN, where there is no AppArmor", capabilities=(*DOCKER, "SYS_ADMIN")),
    Row("podman", "podman run", runtime="podman"),
    Row("podman-user", "podman run --user 10004", runtime="podman", uid=10004),
    Row("gvisor", "docker run --runtime=runsc, platform ptrace", runtime="runsc", time_factor=6, flags=("--timeout-seconds=120",)),
    Row("gvisor-cold", "the same, with --start=cold", runtime="runsc", time_factor=6, flags=("--start=cold", "--timeout-seconds=120"),
        tests=("-k", "test_environment or (nothing_outlives and not spin) or secrets_beside")),  # a child counts whole
    Row("gvisor-user", "docker run --runtime=runsc --user 10001", runtime="runsc", uid=10001, time_factor=6,
        refuses="nothing would keep a script from the files here: no private-root"),
    Row("vm", "root on a machine with cgroup v2, kernel 6.1 and Landlock ABI 2, emulated", runtime="vm", time_factor=25,
        flags=("--preload=none", "--timeout-seconds=300")),
    Row("image", "docker run -p 127.0.0.1:PORT:8080 of the image that the Dockerfile makes", runtime="image", time_factor=3),
)}
