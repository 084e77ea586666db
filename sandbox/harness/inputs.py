"""inputs: what a request gives beside the script: receives it, and puts it where the script finds it.
Nothing of the script has run yet."""

import posix
from posix import close as close_file
from posix import open as open_file

from _json import make_scanner

from harness.channel import (
    EXIT_PROTOCOL,
    FRAME_ARGS,
    FRAME_FILE,
    FRAME_RETURN,
    FRAME_RUN,
    FRAME_SCRIPT,
    FRAME_STDIN,
    leave,
    receive,
    send,
)
from harness.failures import Refused, get_traceback
from harness.shadow import shadow

NEW_FILE = posix.O_CREAT | posix.O_EXCL | posix.O_NOFOLLOW | posix.O_CLOEXEC
STDIN_NAME = ".stdin"  # for a moment
NO_ROOM = "Field 'files': they do not fit into the script's scratch space"


class Inputs:
    """script: the source; args: a dict, a list or None; patterns: of the files that are to come back."""

    def __init__(self):
        self.script = self.args_text = self.stdin = None
        self.patterns, self.files = (), []


def receive_inputs(channel):
    inputs = Inputs()
    while True:
        kind, payload = receive(channel)
        if kind == FRAME_SCRIPT and inputs.script is None:
            inputs.script = payload
        elif kind == FRAME_RUN and inputs.script is not None and not payload:
            return inputs
        elif kind == FRAME_ARGS:
            inputs.args_text = payload
        elif kind == FRAME_STDIN:
            inputs.stdin = payload
        elif kind == FRAME_RETURN:
            inputs.patterns = payload.decode().split("\0")
        elif kind == FRAME_FILE:
            inputs.files.append(payload)
        else:
            leave(EXIT_PROTOCOL)


# ---- args ----


class Decoding:
    """What json.loads asks its scanner for. The module json would cost more than all the rest."""

    strict = True
    object_hook = object_pairs_hook = None
    parse_float, parse_int, parse_constant = float, int, None


scan = make_scanner(Decoding)


def decode_args(text):
    """As json.loads(text). The server has checked that it is JSON."""
    if text is None:
        return None
    try:
        return scan(text.decode(), 0)[0]
    except ValueError as error:  # an int that is too long to be read
        raise Refused("invalid_request", f"Field 'args': {error}"[:500], "") from None


def was_not_entered(main, args, error):
    """Whether the script's main() itself did not take args."""
    if get_traceback(error).tb_next is None:  # no frame but call_main's
        return True
    try:
        return refused_behind_decorator(main, args, error)
    except BaseException:  # of what the script has made of its main(), or of inspect
        return False


def refused_behind_decorator(main, args, error):
    """A decorator that takes whatever comes has a frame; what it wraps, as functools.wraps() says, has none.
    It must be args that do not fit, and not what the decorator makes of them."""
    step = get_traceback(error).tb_next
    if not hasattr(main, "__wrapped__"):
        return False
    import inspect

    inner = inspect.unwrap(main)
    while step is not None:
        if step.tb_frame.f_code is inner.__code__:
            return False
        step = step.tb_next
    if not str(error).startswith(inner.__qualname__ + "() "):
        return False
    bind = inspect.signature(inner).bind
    try:
        bind(**args) if type(args) is dict else bind(*args)
    except TypeError:
        return True
    return False


def call_main(main, args):
    if args is None:
        return main()
    try:
        return main(**args) if type(args) is dict else main(*args)
    except TypeError as error:
        # What Python says names the parameter.
        if type(error) is TypeError and was_not_entered(main, args, error):
            text = f"Field 'args' does not fit main(): {error}"
            raise Refused("invalid_request", text, "") from None
        raise


# ---- files ----


def write_script(path, data):
    file = open_file(path, posix.O_WRONLY | posix.O_CREAT | posix.O_TRUNC | posix.O_CLOEXEC, 0o600)
    send(file, data)
    close_file(file)


def place_file(directory, payload):
    end = payload.index(0)
    path, name = directory, payload[:end].decode()
    *folders, last = name.split("/")
    for folder in folders:
        path += folder + "/"
        try:
            posix.mkdir(path, 0o700)
        except FileExistsError:
            pass
    file = open_file(path + last, posix.O_WRONLY | NEW_FILE, 0o600)
    send(file, memoryview(payload)[end + 1 :])
    close_file(file)
    shadow(name)


def place_stdin(directory, data):
    """In a file without a name: a script that does not read it waits for nothing."""
    path = directory + STDIN_NAME
    file = open_file(path, posix.O_RDWR | NEW_FILE, 0o600)
    posix.unlink(path)
    send(file, data)
    posix.lseek(file, 0, 0)
    posix.dup2(file, 0)
    close_file(file)


def place(inputs, directory):
    """Returns why it could not, a Refused, or None. No file of the request has the name of the script,
    which is there already."""
    try:
        if inputs.stdin:
            place_stdin(directory, inputs.stdin)
        inputs.stdin = None
        while inputs.files:
            place_file(directory, inputs.files.pop())
    except OSError:
        return Refused("invalid_request", NO_ROOM, "")
    return None
