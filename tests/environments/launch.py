"""launch.py NAME STATE [-e VARIABLE=VALUE]... -- BINARY ARGUMENTS: runs code-runner in an environment.

Stays in the foreground, passes SIGTERM on, and exits as code-runner did. STATE is a directory of its
own that it makes: it says there how to look inside (place.json, read by tests/support/place.py). All
that was made for the run goes when this process ends, also by SIGKILL: a second process waits for that.
Its mounts are in a mount namespace of its own.
"""
import argparse
import ctypes
import os
import pathlib
import signal
import subprocess
import sys

sys.path.insert(0, os.path.dirname(__file__))
import bundle  # noqa: E402
import podman  # noqa: E402
import vm  # noqa: E402
from rows import ROWS  # noqa: E402

RUNTIMES = {"runc": bundle.Runc, "runsc": bundle.Runsc, "podman": podman.Rootfs, "image": podman.Image, "vm": vm.Machine}
STOPPING = (signal.SIGTERM, signal.SIGINT)
STOP_SECONDS = 60  # or 15 times the row's time_factor, if that is more


def own_mounts():
    libc = ctypes.CDLL(None, use_errno=True)
    clone_newns, ms_rec_private = 0x20000, 0x4000 | 1 << 18
    if libc.unshare(clone_newns) or libc.mount(b"none", b"/", None, ms_rec_private, None):
        raise OSError(ctypes.get_errno(), "a mount namespace")


def end_with_parent():
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGTERM)


def start_guardian(clean_up):
    """A process that calls clean_up() when the returned descriptor is closed, by whatever end of this one."""
    lifeline, ours = os.pipe()
    pid = os.fork()
    if pid:
        os.close(lifeline)
        return pid, ours
    os.close(ours)
    os.setsid()
    for number in STOPPING:
        signal.signal(number, signal.SIG_IGN)
    os.read(lifeline, 1)
    try:
        clean_up()
    finally:
        os._exit(0)


def run(environment, stop_seconds):
    """Exit status of code-runner."""
    child, stop_asked = None, []

    def stop(number, _):
        stop_asked.append(number)
        signal.alarm(stop_seconds)  # which ends this process, and with it all
        if child:
            environment.stop(child)

    for number in STOPPING:
        signal.signal(number, stop)
    environment.prepare()
    status = None
    while status is None:  # else it is to be started once more
        child = subprocess.Popen(environment.command(), stdin=subprocess.DEVNULL, **environment.options())
        if stop_asked:
            environment.stop(child)
        status = environment.wait(child)
    return environment.status(status if status >= 0 else 128 - status)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=ROWS)
    parser.add_argument("state", type=pathlib.Path)
    parser.add_argument("-e", action="append", default=[], dest="variables")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    end_with_parent()
    own_mounts()
    options.state.mkdir(parents=True)
    row = ROWS[options.name]
    environment = RUNTIMES[row.runtime](row, options.state.resolve(), [options.command[0], *row.flags, *options.command[1:]],
                                         options.variables)
    guardian, lifeline = start_guardian(environment.destroy)
    try:
        return run(environment, max(STOP_SECONDS, int(15 * row.time_factor)))
    finally:
        os.close(lifeline)
        os.waitpid(guardian, 0)


if __name__ == "__main__":
    sys.exit(main())
