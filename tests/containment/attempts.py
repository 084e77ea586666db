"""One shape for a containment case: a script that attempts something and says how it went, what it
must say inside, what it must say without the layer."""

HELPERS = """
import ctypes, errno, os, socket, subprocess, sys, time
libc = ctypes.CDLL(None, use_errno=True)
def attempt(function, *args):
    "'ok', or the name of the errno."
    try:
        function(*args)
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))
    return "ok"
def syscall(number, *args):
    "'ok', or the name of the errno, of one raw system call."
    ctypes.set_errno(0)
    value = libc.syscall(ctypes.c_long(number), *(ctypes.c_long(a) if isinstance(a, int) else a for a in args))
    return errno.errorcode[ctypes.get_errno()] if value == -1 else "ok"
"""


def script(*lines, before=""):
    return HELPERS + before + "def main():\n" + "".join(f"    {line}\n" for line in lines)


def inside(server, text):
    """What main() returned in the sandbox; anything but success fails the test."""
    answer = server.execute(text)
    assert answer.status == 200, answer
    return answer.json["result"]
