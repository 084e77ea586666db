"""A container of a low-level runtime, runc or gVisor's runsc, as docker would start it. Its root is a
copy of this machine that is written nowhere: an overlay."""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import time

import oci

CGROUPS = pathlib.Path("/sys/fs/cgroup")
BINARY = "/usr/local/bin/code-runner"


def mount_root(state, binary):
    """state/rootfs: the machine's / with the binary in it and an empty /tmp."""
    upper = state / "upper"
    for folder in (upper, state / "work", state / "rootfs"):
        folder.mkdir()
    empty = upper / "tmp"
    empty.mkdir()
    empty.chmod(0o1777)
    os.setxattr(empty, "trusted.overlay.opaque", b"y")
    subprocess.run(["mount", "-t", "overlay", "-o", f"lowerdir=/,upperdir={upper},workdir={state}/work", "overlay",
                    state / "rootfs"], check=True)
    shutil.copy(binary, f"{state}/rootfs{BINARY}")


def unmount_root(state):
    subprocess.run(["umount", "-l", state / "rootfs"], stderr=subprocess.DEVNULL)
    # Without the mount only what was written is left. Not a byte of the machine lies below.
    if not os.path.ismount(state / "rootfs"):
        for name in ("upper", "work", "rootfs"):
            shutil.rmtree(state / name, ignore_errors=True)


def path_of_root(state):
    """Of the root as other processes reach it: it is mounted for this process only."""
    return f"/proc/{os.getpid()}/root{state}/rootfs"


def write_place(state, **facts):
    (state / "place.json").write_text(json.dumps(facts))


class Runc:
    program = "runc"
    flags = ()

    def __init__(self, row, state, command, variables):
        self.row, self.state, self.command_line, self.variables = row, state, command, variables
        self.id = f"code-runner-test-{os.getpid()}"
        self.cgroup = f"/{self.id}"

    def runtime(self, *arguments):
        return [self.program, "--root", str(self.state / "runtime"), *self.flags, *arguments]

    def prepare(self):
        mount_root(self.state, self.command_line[0])
        text = oci.config(self.row, [BINARY, *self.command_line[1:]], self.variables, self.cgroup)
        (self.state / "config.json").write_text(text)
        self.write_place()

    def write_place(self):
        write_place(self.state, kind="container", pid_file=str(self.state / "pid"), root=path_of_root(self.state))

    def options(self):
        return {}

    def command(self):
        return self.runtime("run", "--pid-file", str(self.state / "pid"), "--bundle", str(self.state), self.id)

    def wait(self, child):
        return child.wait()

    def stop(self, child):
        child.send_signal(signal.SIGTERM)

    def status(self, status):
        return status

    def destroy(self):
        subprocess.run(self.runtime("delete", "--force", self.id), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        unmount_root(self.state)
        shutil.rmtree(self.state / "runtime", ignore_errors=True)
        remove_cgroups(self.cgroup)


def remove_cgroups(name):
    """What the service made below it and a runtime that was killed could not remove. The last processes
    may still be leaving it."""
    end = time.monotonic() + 5
    while any(CGROUPS.glob(f"*{name}")) and time.monotonic() < end:
        for top in CGROUPS.glob(f"*{name}"):
            for folder, _, _ in os.walk(top, topdown=False):
                with contextlib.suppress(OSError):
                    os.rmdir(folder)
        time.sleep(0.05)


class Runsc(Runc):
    """The same in gVisor. Without KVM it stops system calls by ptrace, which is slow. Its processes are
    not the machine's: they are seen from inside only."""
    program = "runsc"
    flags = ("--platform=ptrace", "--network=host", "--ignore-cgroups")

    def write_place(self):
        write_place(self.state, kind="sealed", root=path_of_root(self.state), execute=self.runtime("exec", self.id))

    def options(self):
        return {"preexec_fn": self.enter_cgroup}

    def stop(self, child):
        # The runtime would end by a signal of its own, and not pass it on.
        subprocess.run(self.runtime("kill", self.id, "TERM"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def enter_cgroup(self):
        for controller, limit, value in (("memory", "memory.limit_in_bytes", oci.MEMORY_BYTES), ("pids", "pids.max", 4 * oci.PROCESSES)):
            folder = CGROUPS / controller / self.id
            folder.mkdir()
            (folder / limit).write_text(str(value))
            (folder / "cgroup.procs").write_text(str(os.getpid()))
