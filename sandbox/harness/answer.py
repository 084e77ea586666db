"""answer: the last of a run: what was printed is flushed, and the frame that answers is sent. Must not
wait for anything that the script left behind."""

from posix import getpid as get_pid
from posix import set_blocking

from harness.channel import leave, send
from harness.failures import OUT_OF_MEMORY, Refused, failure_frame, get_exit_code
from harness.results import result_frame
from harness.system import flush_captured, flush_current, quietly, settle


def conclude(value, failure, sources, output_bytes):
    """The one frame that answers."""
    if failure is None:
        try:
            return result_frame(value, output_bytes)
        except BaseException as error:
            failure = error
    return failure_frame(failure, sources)


def leave_as_child(failure, frame):
    """A fork of the script's came back out of main(): it ends as a process does, and is not the one
    to answer."""
    if failure is None:
        leave(0)
    if issubclass(type(failure), SystemExit):
        code = get_exit_code(failure)
        leave(0 if code is None else code & 0xFF if type(code) is int else 1)
    quietly(send, 2, frame.rpartition(b"\0")[2])
    leave(1)


def answer(channel, pid, value, failure, sources, output_bytes):
    """Sends the answer; True if it could. Does not come back in a fork of the script's."""
    for _ in range(5):  # until settle() is through, a signal handler of the script's can interrupt
        try:
            settle()
            flush_current()
            frame = conclude(value, failure, sources, output_bytes)
            settle()
            flush_captured()
            break
        except MemoryError:
            value, failure = None, Refused("memory", OUT_OF_MEMORY, "")
        except BaseException:
            continue
    else:
        return False
    if get_pid() != pid:
        leave_as_child(failure, frame)
    quietly(set_blocking, channel, True)
    send(channel, frame)
    return True
