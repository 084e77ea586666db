"""rehearse: what serve does with a script, done before there is one: the pages that this writes are
the worker's own afterwards. Nothing of it can be seen by a script."""

import sys

from harness.answer import extra_frames
from harness.channel import FRAME_RUN, FRAME_SCRIPT, frame_of, send
from harness.failures import error_frame
from harness.figures import watch as watch_figures
from harness.parse import parse
from harness.results import result_frame
from harness.script import run_script
from harness.serve import enter_fork, prepare, serve, serve_cold, serve_fork
from harness.sources import Sources

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
    enter_fork(None)
    serve(channel)


def prepare_forks(directory):
    """In the zygote, when all is loaded: what serve() would do in each fork, once for all.
    directory: the working directory that they will have; None: each has another. The
    rehearsals also leave the allocators as they are after a script: the first large request would
    sort every free piece of memory there is, a thousand pages of it, in each fork."""
    if directory is not None:
        prepare(directory)
    for _ in range(3):
        rehearse()
