"""Looks at processes from outside, by /proc. Must not signal anything."""
import contextlib
import os
import time


def stat(pid):
    """/proc/PID/stat from its third field on (proc(5)): a name before that may hold spaces and brackets."""
    with open(f"/proc/{pid}/stat", "rb") as file:
        return file.read().rpartition(b")")[2].decode("ascii").split()


def parents():
    """{pid: parent's pid} of every process."""
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError):
                found[int(name)] = int(stat(name)[1])
    return found


def descendants(root):
    """Pids of every process below root, without it."""
    found, tree = [], parents()
    wave = {root}
    while wave:
        wave = {pid for pid, parent in tree.items() if parent in wave}
        found += wave
    return sorted(found)


def children(root):
    return sorted(pid for pid, parent in parents().items() if parent == root)


def session(pid):
    return int(stat(pid)[3])


def start_time(pid):
    """In the kernel's ticks; None if it is gone. Tells a process from a later one of the same number."""
    with contextlib.suppress(OSError):
        return int(stat(pid)[19])


def status(pid):
    """/proc/PID/status as {name: text}."""
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


def cpu_seconds(pid):
    """Used by it until now."""
    fields = stat(pid)
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def count_descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def count_mounts(pid):
    with open(f"/proc/{pid}/mountinfo", "rb") as file:
        return len(file.readlines())


def with_argument(token):
    """Pids of processes whose command line contains token."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError), open(f"/proc/{name}/cmdline", "rb") as file:
                if token.encode() in file.read():
                    found.append(int(name))
    return found


def listens_on(port):
    """Pids that hold the listening socket of a loopback IPv4 port."""
    with open("/proc/net/tcp", encoding="ascii") as file:
        rows = [line.split() for line in file.readlines()[1:]]
    inodes = {f"socket:[{row[9]}]" for row in rows
              if row[3] == "0A" and int(row[1].split(":")[1], 16) == port}
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError):
                for fd in os.listdir(f"/proc/{name}/fd"):
                    with contextlib.suppress(OSError):
                        if os.readlink(f"/proc/{name}/fd/{fd}") in inodes:
                            found.append(int(name))
                            break
    return found


def holds_connections(port):
    """Whether somebody holds the server's side of a loopback IPv4 connection to the port."""
    with open("/proc/net/tcp", encoding="ascii") as file:
        rows = [line.split() for line in file.readlines()[1:]]
    established, close_wait = "01", "08"
    return any(int(row[1].split(":")[1], 16) == port and row[3] in (established, close_wait) for row in rows)


PATIENCE = 15  # what never comes is waited for so long at least: a machine that is slow for a moment is no defect


def poll(condition, seconds=5.0, what="condition"):
    """Asks until condition() is true and returns its value; AssertionError after seconds, but not before PATIENCE."""
    seconds = max(seconds, PATIENCE)
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.01)


def is_dead(pid):
    """Gone, or killed and on its way out: the kernel clears it away, nothing of its own code runs any more."""
    try:
        # In this order: a signal that is pending no more was taken before the state is read.
        pending = int(status(pid)["ShdPnd"].split()[0], 16) | int(status(pid)["SigPnd"].split()[0], 16)
        fields = stat(pid)
    except (OSError, KeyError):
        return True
    exiting = int(fields[6]) & 0x4  # PF_EXITING
    return fields[0] in "ZX" or bool(exiting) or bool(pending & (1 << 8))


def sleeps(pid):
    """True when it sleeps in the kernel, waiting for something."""
    try:
        return stat(pid)[0] == "S"
    except OSError:
        return False
