"""Writes the OCI configuration that docker would hand to its runtime for a row. Must not run anything.

docker-default-seccomp.json is moby's profiles/seccomp/default.json (Apache License 2.0,
https://github.com/moby/profiles), unchanged; mounts and paths are those of moby's defaults for Linux.
"""
import json
import pathlib

TOP = pathlib.Path(__file__).parents[2]
PROFILE = pathlib.Path(__file__).with_name("docker-default-seccomp.json")
ARCHITECTURES = ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]
MASKED = ["/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/sched_debug",
          "/proc/scsi", "/proc/timer_list", "/proc/timer_stats", "/sys/devices/virtual/powercap", "/sys/firmware"]
READ_ONLY = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
# A whole container, should a script escape its own limits: nothing of it reaches the machine.
MEMORY_BYTES = 6 << 30
PROCESSES = 1500


def applies(rule, capabilities):
    """Is a rule of docker's profile in force for a container with these capabilities, on x86-64? All
    kernels here are newer than any that it names."""
    includes, excludes = rule.get("includes") or {}, rule.get("excludes") or {}
    return (set(includes.get("caps", ())) <= capabilities
            and "amd64" in includes.get("arches", ["amd64"])
            and not set(excludes.get("caps", ())) & capabilities
            and "amd64" not in excludes.get("arches", ()))


def seccomp(capabilities, path):
    """A profile of docker's kind as the runtime gets it: without what depends on capabilities or the machine."""
    profile = json.loads(path.read_text())
    keep = ("names", "action", "args", "errnoRet")
    rules = [{key: rule[key] for key in keep if rule.get(key) is not None}
             for rule in profile["syscalls"] if applies(rule, capabilities)]
    return {"defaultAction": profile["defaultAction"], "defaultErrnoRet": profile["defaultErrnoRet"],
            "architectures": ARCHITECTURES if "archMap" in profile else [], "syscalls": rules}


def mounts(row):
    hidden = ["nosuid", "noexec", "nodev"]
    read_only = [] if row.privileged else ["ro"]
    return [{"destination": destination, "type": kind, "source": source, "options": options}
            for destination, kind, source, options in (
                ("/proc", "proc", "proc", [*hidden, *row.proc]),
                ("/dev", "tmpfs", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=65536k"]),
                ("/dev/pts", "devpts", "devpts", ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]),
                ("/sys", "sysfs", "sysfs", hidden + read_only),
                ("/sys/fs/cgroup", "cgroup", "cgroup", hidden + ["relatime"] + read_only),
                ("/dev/mqueue", "mqueue", "mqueue", hidden),
                ("/dev/shm", "tmpfs", "shm", hidden + ["mode=1777", "size=67108864"]))]


def config(row, arguments, environment, cgroup):
    """config.json as text. The network is the machine's, so that a test reaches the port on loopback.
    Without a cgroup namespace: that is docker's way on cgroup v1, which runc is used on here."""
    capabilities = ["CAP_" + name for name in row.capabilities]
    own = capabilities if row.uid == 0 else []
    linux = {
        "namespaces": [{"type": kind} for kind in ("mount", "uts", "pid", "ipc")],
        "cgroupsPath": cgroup,
        "resources": {"devices": [{"allow": row.privileged, "access": "rwm"}],
                      "memory": {"limit": MEMORY_BYTES}, "pids": {"limit": PROCESSES},
                      "cpu": {"shares": 1024}},
    }
    if not row.privileged:
        linux |= {"seccomp": seccomp(set(capabilities), TOP / row.profile if row.profile else PROFILE), "maskedPaths": MASKED, "readonlyPaths": READ_ONLY}
    return json.dumps({
        "ociVersion": "1.0.2", "hostname": "container", "linux": linux, "mounts": mounts(row),
        "root": {"path": "rootfs", "readonly": row.read_only},
        "process": {
            "terminal": False, "cwd": "/", "args": arguments,
            "env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", *environment],
            "user": {"uid": row.uid, "gid": row.gid}, "noNewPrivileges": row.no_new_privileges,
            "capabilities": {"bounding": capabilities, "permitted": own, "effective": own, "inheritable": []}},
    })
