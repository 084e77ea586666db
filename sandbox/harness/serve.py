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
from harness.inputs import decode_args, place, receive_inputs, write_script
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
        self.modules = make_modules(self.sources.path)
        sys.path.insert(0, directory)
        watch_figures()


prepared = None  # in forks, by the zygote


def prepare(directory):
    """Once for all forks. directory: the working directory that they will have."""
    global prepared
    prepared = prepared or Preparation(directory)
    return prepared


def serve(channel):
    """True if the answer was sent. The process must end then, one way or the other."""
    value = failure = None
    try:
        posix.set_inheritable(channel, False)
        preparation = prepared or Preparation(posix.getcwd())
        sources, output_bytes = preparation.sources, preparation.output_bytes
        pid = get_pid()
        send(channel, frame_of(FRAME_READY, b""))
        inputs = receive_inputs(channel)
        write_script(sources.path, inputs.script)
        refusal = place(inputs, sources.prefix)
        begin_figures(output_bytes)
    except BaseException:
        leave(EXIT_SETUP)
    try:
        if refusal:
            raise refusal
        text = inputs.script.decode("utf-8", "replace").removeprefix("\ufeff")
        sources.add(sources.path, text)
        code, args = parse(text, sources), decode_args(inputs.args_text)
        value = run_script(code, enter_script(*preparation.modules), args)
    except BaseException as error:
        failure = error
    for _ in range(5):  # a trace function that raises is gone after that
        try:
            settle()
            break
        except BaseException:
            continue
    try:
        return answer(channel, pid, value, failure, sources, output_bytes, inputs.patterns)
    except BaseException:
        return False  # the script closed the channel, most likely


def move_home(scratch):
    """What the zygote has set for its first slot, for the one whose scratch space this is."""
    home = scratch + "/home"
    os.environ.update(HOME=home, MPLCONFIGDIR=home, TMPDIR=scratch + "/tmp")
    style = sys.modules.get("matplotlib.style.core")
    if style:
        style.USER_LIBRARY_PATHS[:] = [home + "/stylelib"]


def enter_fork(scratch):
    """What differs from fork to fork. scratch: the slot's scratch space where each has another, else
    None."""
    if scratch is not None:
        move_home(scratch)
    threading = sys.modules.get("threading")
    if threading:
        threading.main_thread()._set_native_id()
    process = sys.modules.get("multiprocessing.process")
    if process:
        key = process.AuthenticationString(posix.urandom(32))
        process.current_process()._config["authkey"] = key


def serve_fork(channel, scratch):
    """In a fork of the interpreter that the zygote has loaded. Does not return."""
    enter_fork(scratch)
    leave(0 if serve(channel) else 1)


def serve_cold():
    """In an interpreter that exec has just started. Does not return."""
    if not is_undumpable():
        leave(EXIT_SETUP)
    leave(0 if serve(CHANNEL_FD) else 1)
