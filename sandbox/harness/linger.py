"""linger: the end of a process whose script has left children, as sandbox/linger.h says."""

from posix import P_ALL, WEXITED, WNOHANG, WNOWAIT
from posix import waitid as wait
from time import sleep

LONGEST_SECONDS = 2


def linger_with_children():
    """When the answer is sent. Returns at once without children."""
    try:
        wait(P_ALL, 0, WEXITED | WNOHANG | WNOWAIT)
        sleep(LONGEST_SECONDS)
    except BaseException:  # ChildProcessError: there are none
        pass
