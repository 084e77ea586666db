"""serve: one script, from FRAME_READY to the end of the process; what is prepared before, in the zygote
or in a cold worker. Must not isolate, nor count time or memory."""

import os
import posix
import sys
from posix import getpid as get_pid

from harness.answer import answer
from harness.channel import EXIT_SETUP, FRAME_READY, frame_of, leave, send
from harness.figures import begin as begin_figures
from harness.figures import watch as watch_figures
from harness.inputs import Inputs, decode_args, place, receive_inputs, write_script
from harness.linger import linger_with_children
from harness.parse import parse
from harness.script import enter_script, make_modules, run_script
from harness.sources import Sources
from harness.system import is_undumpable, settle, write_in_lines

CHANNEL_FD = 3


class Preparation:
    """What does not depend on the script."""

    def __init__(self, directory):
        write_in_lines()
        self.output_bytes = int(os.environ.pop("CODE_RUNNER_OUTPUT_BYTES", 10 << 20))
        self.sources = Sources(directory)
        self.module = enter_script(*make_modules(self.sources.path))
        sys.path.insert(0, directory)
        watch_figures()
        self.figures = begin_figures(self.output_bytes)


prepared = None  # in the zygote once for all forks, where they all have the same directory


def prepare(directory):
    """directory: the working directory of the script."""
    global prepared
    prepared = Preparation(directory)
    return prepared


def serve(channel):
    """True if the answer was sent. The process must end then, one way or the other."""
    try:
        posix.set_inheritable(channel, False)
        if not prepared:
            prepare(posix.getcwd())
        send(channel, frame_of(FRAME_READY, b""))
    except BaseException:
        leave(EXIT_SETUP)
    return serve_script(channel)


def serve_script(channel, text=None, compiled=None):
    """The rest of it, when the server knows that this is ready. text: of a script that came without
    inputs, if it is there already; compiled: what compile() returned or raised."""
    value = failure = refusal = None
    sources, inputs = prepared.sources, Inputs()
    try:
        pid = get_pid()
        if text is None:
            inputs = receive_inputs(channel)
            write_script(sources.path, inputs.script)
            refusal = place(inputs, sources.prefix)
    except BaseException:
        leave(EXIT_SETUP)
    try:
        if refusal:
            raise refusal
        if text is None:
            text = inputs.script.decode("utf-8", "replace").removeprefix("\ufeff")
        sources.add(sources.path, text)
        code, args = parse(text, sources, compiled), decode_args(inputs.args_text)
        value = run_script(code, prepared.module, args)
    except BaseException as error:
        failure = error
    for _ in range(5):  # a trace function that raises is gone after that
        try:
            settle()
            break
        except BaseException:
            continue
    return serve_answer(channel, pid, None, value, failure, inputs.patterns)


def serve_answer(channel, pid, text, value, failure, patterns=()):
    """The end of it. text: of the script, if sources has not got it yet."""
    try:
        sources = prepared.sources
        if text is not None:
            sources.add(sources.path, text)
        return answer(channel, pid, value, failure, sources, prepared.output_bytes, patterns)
    except BaseException:
        return False  # the script closed the channel, most likely


def move_home(scratch):
    """What the zygote has set for its first slot, for the one whose scratch space this is."""
    home = scratch + "/home"
    os.environ.update(HOME=home, MPLCONFIGDIR=home, TMPDIR=scratch + "/tmp")
    style = sys.modules.get("matplotlib.style.core")
    if style:
        style.USER_LIBRARY_PATHS[:] = [home + "/stylelib"]


def end(answered):
    if answered:
        linger_with_children()
    leave(0 if answered else 1)


def serve_fork(channel, scratch):
    """In a fork of the interpreter that the zygote has loaded, where directories differ from fork to
    fork. scratch: the slot's scratch space. Does not return."""
    move_home(scratch)
    end(serve(channel))


def serve_cold():
    """In an interpreter that exec has just started. Does not return."""
    if not is_undumpable():
        leave(EXIT_SETUP)
    end(serve(CHANNEL_FD))
