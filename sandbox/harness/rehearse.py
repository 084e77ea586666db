"""rehearse: what serve does with a script, done before there is one: the pages that this writes are
the worker's own afterwards. Nothing of it can be seen by a script."""

import sys

from harness.answer import extra_frames
from harness.channel import FRAME_RUN, FRAME_SCRIPT, frame_of, send
from harness.failures import error_frame
from harness.figures import watch as watch_figures
from harness.parse import parse
from harness.results import encode_string, make_encoder, refuse_value, result_frame
from harness.script import run_script
from harness.serve import prepare, serve, serve_answer, serve_cold, serve_fork, serve_script
from harness.sources import Sources
from harness.system import (
    SIG_IGN,
    get_handler,
    recursion_limit,
    set_handler,
    set_profile,
    set_recursion_limit,
    set_switch_interval,
    set_timer,
    set_trace,
    streams,
)

REHEARSAL = """
import math

class A:
    pass

def main():
    values = [n * 2.5 for n in range(3)]
    return {"a": values, "b": math.sqrt(2), "c": {"d": "e", "f": None, "g": True}}
"""


def rehearse():
    """Short of files and the channel."""
    sources = Sources("/nonexistent")
    sources.add(sources.path, REHEARSAL)
    module = type(sys)("script")
    value = run_script(parse(REHEARSAL, sources), module, None)
    result_frame(value, 1 << 20)
    error_frame("exception", "text", "text")
    extra_frames((), "/", 0)


def rehearse_serving(channel, far_end):
    """In a fork that is thrown away: all that serve_fork() does, from the first frame to the last, short
    of the end of the process."""
    # A fork of the zygote has no directory of its own.
    prepare("/nonexistent").sources.path = "/dev/null"
    send(far_end, frame_of(FRAME_SCRIPT, REHEARSAL.encode()) + frame_of(FRAME_RUN, b""))
    serve(channel)


def prepare_forks(directory):
    """In the zygote, when all is loaded: what serve() would do in each fork, once for all.
    directory: the working directory that they will have; None: each has another. The
    rehearsals also leave the allocators as they are after a script: the first large request would
    sort every free piece of memory there is, a thousand pages of it, in each fork."""
    for _ in range(3):
        rehearse()
    return parts(prepare(directory)) if directory is not None else None


def parts(preparation):
    """For python_serve.c, which has them in this order: what it calls, and what it does itself for a
    script that is plain."""
    encoder = make_encoder({}, refuse_value, encode_string, None, ": ", ", ", False, False, False)
    own = preparation.sources.path, preparation.module, preparation.output_bytes, REHEARSAL
    functions = run_script, serve_script, serve_answer, compile, encode_string, encoder
    switches = set_recursion_limit, recursion_limit, set_trace, set_profile, set_switch_interval
    signals = set_timer, get_handler, set_handler, SIG_IGN
    return *own, *functions, *switches, *signals, preparation.figures, *streams[:4]
