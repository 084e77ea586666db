"""system: what the other modules need of the process, captured before a script runs: libc, the standard
streams, and how to take back what a script can leave switched on."""

import sys

import _ctypes
from _signal import ITIMER_PROF, ITIMER_REAL, ITIMER_VIRTUAL, NSIG, SIG_IGN
from _signal import getsignal as get_handler
from _signal import setitimer as set_timer
from _signal import signal as set_handler
from posix import set_blocking

set_recursion_limit, recursion_limit = sys.setrecursionlimit, sys.getrecursionlimit()
set_trace, set_profile, set_switch_interval = sys.settrace, sys.setprofile, sys.setswitchinterval
streams = [sys.stdout, sys.stdout.buffer, sys.stderr, sys.stderr.buffer]


class Pointer(_ctypes._SimpleCData):
    _type_ = "P"


class CLibrary:
    """The few functions of libc that Python has no name for. Loading ctypes itself would cost 10
    times as much."""

    def __init__(self):
        self._handle = _ctypes.dlopen(None, 0)
        self.stdout = Pointer.in_dll(self, "stdout")
        self.addresses = {
            name: _ctypes.dlsym(self._handle, name) for name in ("prctl", "setvbuf", "fflush")
        }

    def call(self, name, *arguments):
        return _ctypes.call_cdeclfunction(self.addresses[name], arguments)


libc = CLibrary()


def write_in_lines():
    """What is printed comes in order, line by line."""
    # Lone surrogates must not make print() raise.
    sys.stdout.reconfigure(line_buffering=True, errors="backslashreplace")
    libc.call("setvbuf", libc.stdout, None, 1, 0)  # _IOLBF: what C code prints comes in order


def is_undumpable():
    """Has made this process so: exec had made it dumpable again. PR_SET_DUMPABLE 0, so that no other
    process of this uid reads its memory. prctl(2)."""
    try:
        return libc.call("prctl", 4, 0, 0, 0, 0) == 0 and libc.call("prctl", 3, 0, 0, 0, 0) == 0
    except BaseException:
        return False


def settle():
    """Takes back what a script can leave switched on and what would run inside the answer."""
    set_recursion_limit(recursion_limit)
    set_trace(None)
    set_profile(None)
    set_switch_interval(0.005)
    sys.unraisablehook = sys.__unraisablehook__
    for timer in (ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF):
        set_timer(timer, 0)
    for number in range(1, NSIG):
        if callable(get_handler(number)):
            set_handler(number, SIG_IGN)


def quietly(function, *arguments):
    try:
        function(*arguments)
    except BaseException:
        pass


def flush_current():
    # What stands there now may be the script's own object around the real one.
    for stream in (getattr(sys, "stdout", None), getattr(sys, "stderr", None)):
        if stream is not None and not any(stream is other for other in streams):
            quietly(lambda: stream.flush())


def flush_captured():
    for number in (1, 2):
        quietly(set_blocking, number, True)
    for stream in streams[:4]:
        quietly(lambda: stream.flush())
    libc.call("fflush", libc.stdout)
