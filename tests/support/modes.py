"""The ways in which workers start, asked with the same script: a fork of a loaded interpreter must give what a fresh python3 does.

Which server starts them so, mode() of tests/service/conftest.py knows.
"""

WARM = ["warm", "no_pool", "no_snapshot"]  # as deployed: workers made ahead, snapshot taken; and without
# What scripts that look at their interpreter begin with. What was there before the first import comes first.
BEFORE = """
import sys
NAMES = sorted(sys.modules)
import gc
COUNTS = gc.get_count()
import atexit, builtins, ctypes, faulthandler, fcntl, linecache, locale, multiprocessing, os, resource, signal
import platform, site, socket, tempfile, threading, time, tracemalloc, warnings

def status(*names):
    lines = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
    return [lines[name] for name in names]

def caught():  # but for SIGSEGV, which wakes libraries
    return int(status("SigCgt")[0], 16) & ~(1 << signal.SIGSEGV - 1)

def stream(file):
    return [file.name, file.mode, file.encoding, file.errors, file.line_buffering, file.write_through, file.newlines,
            file.isatty(), file.fileno(), file.seekable(), file.readable(), file.writable(), file.closed,
            type(file.buffer).__name__, type(file.buffer.raw).__name__, file.buffer.raw.closefd]

def getenv(name):
    function = ctypes.CDLL(None).getenv
    function.restype = ctypes.c_char_p
    return (function(name.encode()) or b"").decode()
"""


def results(server, text, times=1):
    """What main() returned, each time; nothing may have gone to stderr. Each has three tries to be done in its
    time: a machine that is slow is no defect."""
    def ask():
        for _ in range(3):
            answer = server.execute(text)
            if answer.outcome != "timeout":
                break
        return answer
    answers = [ask() for _ in range(times)]
    for answer in answers:
        assert answer.status == 200 and "stderr" not in answer.json, answer
    return [answer.json["result"] for answer in answers]
