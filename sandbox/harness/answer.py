"""answer: the last of a run: what was printed is flushed, and the frame that answers is sent. Must not
wait for anything that the script left behind."""

from posix import getpid as get_pid
from posix import set_blocking

from harness.channel import FRAME_NOTE, frame_of, leave, send
from harness.failures import OUT_OF_MEMORY, Refused, encode_text, failure_frame, get_exit_code
from harness.figures import collect as collect_figures
from harness.results import result_frame
from harness.returned import collect as collect_files
from harness.system import flush_captured, flush_current, quietly, settle


NOTES_MOST = 20
NOTE_BYTES = 15 << 10


def extra_frames(patterns, directory, limit):
    """What comes with a result: figures, files, and a note of what was left out."""
    frames, notes = collect_figures()
    files, more_notes = collect_files(patterns, directory, limit)
    frames, notes = frames + files, notes + more_notes
    if notes:
        lines = [f"code-runner: {note}\n" for note in notes[:NOTES_MOST]]
        if len(notes) > NOTES_MOST:
            lines.append(f"code-runner: and {len(notes) - NOTES_MOST} more notes like these\n")
        frames.append(frame_of(FRAME_NOTE, encode_text("".join(lines), NOTE_BYTES)))
    return frames


def conclude(value, failure, sources, output_bytes):
    """The frame that ends the answer, and whether it is a result."""
    if failure is None:
        try:
            return result_frame(value, output_bytes), True
        except BaseException as error:
            failure = error
    return failure_frame(failure, sources), False


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


def answer(channel, pid, value, failure, sources, output_bytes, patterns):
    """Sends the answer; True if it could. Does not come back in a fork of the script's."""
    for _ in range(5):  # until settle() is through, a signal handler of the script's can interrupt
        try:
            settle()
            flush_current()
            frame, is_result = conclude(value, failure, sources, output_bytes)
            extras = []
            if is_result and get_pid() == pid:
                extras = extra_frames(patterns, sources.directory, output_bytes)
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
    for part in (*extras, frame):
        send(channel, part)
    return True
