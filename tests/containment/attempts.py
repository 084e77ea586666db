"""One shape for a containment case: a script that attempts something and says how it went, what it
must say inside, what it must say without the layer. And the mark that names the layers.

A case says what a client can observe in every environment, not how one mechanism answers: refused is
refused whatever the errno, and no path of one kind of sandbox stands in a script.
"""
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from support import control
from support.client import Client

TOP = Path(__file__).resolve().parents[2]

# What the layers answer to what they do not let through. ESRCH is not among them: where somebody's
# process is not seen, a case says so itself.
REFUSED = {"EPERM", "EACCES", "ENOENT", "ENOSYS", "EROFS"}

LAYERS = {
    "namespaces": "pid, ipc and uts namespaces of a worker's own",
    "network-namespace": "an empty network",
    "private-root": "a root file system of a worker's own",
    "private-proc": "a /proc that shows a worker itself only, or nothing",
    "unique-uid": "a uid for each slot",
    "cgroup": "memory and processes, counted by the kernel",
    "watchdog": "the same, and space, counted by the service",
    "kill-filter": "arguments: signals and limits for oneself only",
    "landlock": "file rules",
    "landlock-scopes": "no signals and abstract names out of it",
    "file-modes": "owners, modes, and files that cannot be opened to others",
    "seccomp": "the system call filter",
    "no-new-privileges": "no_new_privs and no capabilities",
    "rlimits": "limits of a process",
    "server": "deadline, ceilings, one worker for one request, the sweep after it",
}


def stopped_by(*layers):
    """Names the layers that stop what the case attempts, the one of the fullest sandbox first; where an
    environment lacks it, one of the others stands in."""
    unknown = set(layers) - set(LAYERS)
    assert layers and not unknown, f"no such layers: {unknown}"
    return pytest.mark.stopped_by(*layers)


HELPERS = """
import ctypes, errno, os, socket, subprocess, sys, time
OUTSIDE = "OUTSIDE" in os.environ  # a control, without the layers
libc = ctypes.CDLL(None, use_errno=True)
def attempt(function, *args):
    "'ok', or the name of the errno."
    try:
        function(*args)
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))
    return "ok"
def check(value):
    "Of a C function: an OSError for -1."
    if value == -1:
        raise OSError(ctypes.get_errno(), "")
    return value
def syscall(number, *args):
    "'ok', or the name of the errno, of one raw system call."
    ctypes.set_errno(0)
    value = libc.syscall(ctypes.c_long(number), *(ctypes.c_long(a) if isinstance(a, int) else a for a in args))
    return errno.errorcode[ctypes.get_errno()] if value == -1 else "ok"
def hold():
    "For as long as it may take until somebody looks, who ends it; not in a control."
    if not OUTSIDE: time.sleep(15)
"""


def script(*lines, before=""):
    return HELPERS + before + "def main():\n" + "".join(f"    {line}\n" for line in lines)


def inside(server, text):
    """What main() returned in the sandbox; anything but success fails the test."""
    answer = server.execute(text)
    assert answer.status == 200, answer
    return answer.json["result"]


def both(server, text, stage="", **options):
    """At the same time: (what main() returned without the layers, the service's answer)."""
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(lambda: Client(server.port).execute(text))
        return control.run(text, stage, **options).result, answer.result()


def survey(server, expressions, before="", stage="", **options):
    """Many attempts in one script: ({name: answer} without the layers, {name: answer} inside)."""
    lines = ["found = {}"]
    lines += [f"found[{name!r}] = attempt(lambda: {expression})" for name, expression in expressions.items()]
    text = script(*lines, "return found", before=before)
    outside, answer = both(server, text, stage, **options)
    assert answer.status == 200, answer
    return outside, answer.json["result"]
