"""linger: the end of a process whose script has left children, as sandbox/linger.h says."""

from _thread import _count as count_threads
from posix import P_ALL, WEXITED, WNOHANG, WNOWAIT
from posix import waitid as wait
from time import sleep

LONGEST_SECONDS = 2


def linger_with_children():
    """When the answer is sent. Returns at once without children; also where threads are left, which
    would go on meanwhile."""
    try:
        wait(P_ALL, 0, WEXITED | WNOHANG | WNOWAIT)
        if count_threads() == 0:
            sleep(LONGEST_SECONDS)
    except BaseException:  # ChildProcessError: there are none
        pass
