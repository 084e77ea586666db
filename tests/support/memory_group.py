"""A memory cgroup with a limit, as a container has one: made, entered, asked, removed; and one that shares processors as one
process does. Must not judge."""
import contextlib
import os
import pathlib
import uuid

from support import procs

MB = 1 << 20


def own_group(controller="memory"):
    """(directory of this process's cgroup, is it version 1); for version 2 the root."""
    for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controller in controllers.split(","):
            top = pathlib.Path("/sys/fs/cgroup", controller)
            own = pathlib.Path(f"{top}{path}")
            return own if own.is_dir() else top, True  # else inside a container
    return pathlib.Path("/sys/fs/cgroup"), False


def removed(folder):
    """Whether it is gone now: it stays while somebody is in it."""
    with contextlib.suppress(OSError):
        folder.rmdir()
    return not folder.exists()


@contextlib.contextmanager
def as_one():
    """The words of a command that becomes the command that follows: with all that it starts it weighs as much as one
    process of the machine, not each of them. None of version 2, or where no group can be made. All must end before."""
    parent, is_first = own_group("cpu")
    group = parent / f"code-runner-test-{uuid.uuid4().hex[:12]}"
    with contextlib.suppress(OSError):
        if is_first:
            group.mkdir()
    if not group.exists():
        yield []
        return
    try:
        yield ["sh", "-c", f'echo $$ > {group}/cgroup.procs; exec "$@"', "sh"]
    finally:
        procs.poll(lambda: removed(group), what=f"nobody is left in {group}")


class MemoryGroup:
    def __init__(self, limit_mb):
        parent, self.is_first = own_group()
        self.path = parent / f"code-runner-test-{uuid.uuid4().hex[:12]}"
        self.path.mkdir()
        try:
            (self.path / ("memory.limit_in_bytes" if self.is_first else "memory.max")).write_text(str(limit_mb * MB))
        except BaseException:
            self.remove()
            raise

    @property
    def wrapper(self):
        """The words of a command that enters the group and becomes the command that follows."""
        return ["sh", "-c", f'echo $$ > {self.path}/cgroup.procs && exec "$@"', "sh"]

    def has(self, pid):
        return self.path.name in pathlib.Path(f"/proc/{pid}/cgroup").read_text()

    def peak_bytes(self):
        return int((self.path / ("memory.max_usage_in_bytes" if self.is_first else "memory.peak")).read_text())

    def kills(self):
        """How many processes the kernel has killed for want of memory, here or below."""
        name, found = "memory.oom_control" if self.is_first else "memory.events", 0
        # Version 2 adds up what is below; version 1 counts each group alone.
        groups = [folder for folder, _, _ in os.walk(self.path)] if self.is_first else [self.path]
        for folder in groups:
            with contextlib.suppress(FileNotFoundError):
                rows = (line.split() for line in pathlib.Path(folder, name).read_text().splitlines())
                found += {key: int(value) for key, value in rows}["oom_kill"]
        return found

    def remove(self):
        for folder, _, _ in os.walk(self.path, topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(folder)
        assert not self.path.exists()
