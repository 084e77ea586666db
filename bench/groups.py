"""A cgroup for each measured service, to count what all its processes together use. Must not limit anything.

Version 1 (cpuacct and memory hierarchies, below our own cgroup) or version 2 (below the mounted root, where the
service still finds its controllers). Where neither can be written the columns stay empty.
"""
import contextlib
import os
import pathlib
import signal
import time

ROOT = pathlib.Path("/sys/fs/cgroup")


def own_paths():
    """{controller: path of our own cgroup}, version 1; {} for version 2."""
    found = {}
    for line in pathlib.Path("/proc/self/cgroup").read_text(encoding="ascii").splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            found[controller] = ROOT / controller / path.lstrip("/")
    return found


class Group:
    def __init__(self, name):
        self.cpu = self.memory = None
        self.made = []
        name = f"bench-{os.getpid()}-{name}"
        if (ROOT / "cgroup.controllers").exists():
            self.cpu = self.memory = self.make(ROOT / name)
        else:
            paths = own_paths()
            self.cpu = self.make(paths.get("cpuacct", ROOT / "none") / name)
            self.memory = self.make(paths.get("memory", ROOT / "none") / name)

    def make(self, path):
        try:
            path.mkdir()
        except OSError:
            return None
        self.made.append(path)
        return path

    def enter(self, command):
        """The command that enters this cgroup and then becomes command."""
        writes = "".join(f"echo $$ >{path}/cgroup.procs; " for path in self.made)
        return ["/bin/sh", "-ec", writes + 'exec "$@"', "sh", *command]

    def cpu_us(self):
        """Processor time so far, user and system, of all that ever ran in it; None: not known."""
        if self.cpu is None:
            return None
        with contextlib.suppress(OSError):
            return int((self.cpu / "cpuacct.usage").read_text()) / 1000
        return self.stat(self.cpu / "cpu.stat", "usage_usec")

    def shmem_bytes(self):
        """Shared memory and tmpfs that it made, mapped or not; None: not known."""
        if self.memory is None:
            return None
        path = self.memory / "memory.stat"
        total = self.stat(path, "total_shmem")  # version 1
        return self.stat(path, "shmem") if total is None else total

    @staticmethod
    def stat(path, name):
        with contextlib.suppress(OSError):
            for line in path.read_text().splitlines():
                key, value = line.split()
                if key == name:
                    return int(value)
        return None

    def remove(self):
        """Kills what is left in it, and takes it away with what the service made below."""
        for top in self.made:
            for path, _, _ in os.walk(top, topdown=False):
                for _ in range(100):
                    with contextlib.suppress(OSError):
                        for pid in (pathlib.Path(path) / "cgroup.procs").read_text().split():
                            os.kill(int(pid), signal.SIGKILL)
                    try:
                        os.rmdir(path)
                        break
                    except OSError:
                        time.sleep(0.02)
