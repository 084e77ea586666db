"""Starts a command in a pid and mount namespace of its own and a cgroup with a limit on processes, so that
nothing that goes wrong reaches the machine."""
import contextlib
import os
import pathlib
import subprocess
import uuid

PROCESSES = 3000


def make_group():
    """A new cgroup that limits processes, or None where none can be made."""
    name = f"code-runner-load-{uuid.uuid4().hex[:8]}"
    root = pathlib.Path("/sys/fs/cgroup")
    parent = root
    for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if "pids" in controllers.split(","):
            parent = root / "pids" / path.lstrip("/")
            parent = parent if parent.is_dir() else root / "pids"
    try:
        (parent / name).mkdir()
        (parent / name / "pids.max").write_text(str(PROCESSES))
        return parent / name
    except OSError:
        with contextlib.suppress(OSError):
            (parent / name).rmdir()
        return None


def run(command, environment):
    """Its exit status."""
    group = make_group()
    if group is None:
        print("load: no cgroup with a limit on processes can be made here")
    enter = ["sh", "-c", f'echo $$ > {group}/cgroup.procs && exec "$@"', "sh"] if group else []
    try:
        return subprocess.run([*enter, "unshare", "-pmf", "--mount-proc", "--kill-child", *command],
                              env={**os.environ, **environment}).returncode
    finally:
        if group:
            for folder, _, _ in os.walk(group, topdown=False):
                with contextlib.suppress(OSError):
                    os.rmdir(folder)
