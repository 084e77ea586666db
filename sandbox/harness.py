"""harness: runs one script and sends what its main() returned, or what went wrong, on the channel.

Runs in a worker that is isolated already, beside code that may do anything to this interpreter: what
is needed after the script has run is captured before it, and forging its own result is all that a
script can do. One file of its own, because it is embedded in the binary; imports next to nothing,
because start-up time is a script's latency. Must not isolate, count time or memory, or wait for
anything that the script left behind.

Frames are those of include/protocol.h. Cold: executed as __main__ with the channel at descriptor 3.
Warm: imported once, then serve() in each fork.
"""

import builtins
import os
import posix
import sys

import _ctypes
import _json
import _signal
from _frozen_importlib import ModuleSpec
from _frozen_importlib_external import SourceFileLoader

# Functions take their builtins from here when they are defined, so a script that replaces
# builtins.len or builtins.__import__ does not reach the code below.
__builtins__ = dict(vars(builtins))

CHANNEL_FD = 3
FRAME_SCRIPT, FRAME_RUN, FRAME_READY, FRAME_RESULT, FRAME_ERROR = 1, 2, 16, 18, 19

EXIT_SETUP = 71
EXIT_PROTOCOL = 70

MESSAGE_BYTES = 4 << 10
TRACEBACK_BYTES = 16 << 10
SOURCE_BYTES = 1 << 20  # of a file whose lines a traceback quotes
FRAMES_KEPT = 10  # at either end of a traceback
CHAIN_KEPT = 5

NO_MAIN = "Script must contain a 'main()' function"
TOO_COMPLEX = "SyntaxError: the script is too deeply nested or too complex to compile"
OUT_OF_MEMORY = "Memory limit exceeded"
PARSE_ONLY = 0x400  # ast.PyCF_ONLY_AST

# How to turn what json cannot write into something that it can; by package and class, bases too.
HINTS = {
    "builtins.set": "use list()",
    "builtins.frozenset": "use list()",
    "builtins.range": "use list()",
    "builtins.generator": "use list()",
    "builtins.map": "use list()",
    "builtins.filter": "use list()",
    "builtins.zip": "use list()",
    "builtins.enumerate": "use list()",
    "builtins.reversed": "use list()",
    "builtins.dict_keys": "use list()",
    "builtins.dict_values": "use list()",
    "builtins.dict_items": "use list()",
    "builtins.mappingproxy": "use dict()",
    "builtins.bytes": "use .decode() or base64",
    "builtins.bytearray": "use .decode() or base64",
    "builtins.memoryview": "use bytes() and .decode() or base64",
    "builtins.complex": "use str(), or its .real and .imag",
    "builtins.coroutine": "await it",
    "collections.deque": "use list()",
    "datetime.date": "use .isoformat()",
    "datetime.time": "use .isoformat()",
    "datetime.timedelta": "use .total_seconds()",
    "decimal.Decimal": "use str() or float()",
    "fractions.Fraction": "use str() or float()",
    "uuid.UUID": "use str()",
    "pathlib.PurePath": "use str()",
    "enum.Enum": "use .value",
    "numpy.ndarray": "use .tolist()",
    "numpy.generic": "use .item()",
    "pandas.DataFrame": "use .to_dict()",
    "pandas.Series": "use .to_dict() or .tolist()",
    "pandas.Index": "use .tolist()",
    "pandas.ExtensionArray": "use .tolist()",
    "pandas.Period": "use str()",
}


class Refused(Exception):
    """What this file says of a script: outcome word, message, traceback."""


class Pointer(_ctypes._SimpleCData):
    _type_ = "P"


class CLibrary:
    """The few functions of libc that Python has no name for. Loading ctypes itself would cost 10
    times as much."""

    def __init__(self):
        self._handle = _ctypes.dlopen(None, 0)
        self.stdout = Pointer.in_dll(self, "stdout")
        self.addresses = {
            name: _ctypes.dlsym(self._handle, name) for name in ("prctl", "setvbuf", "fflush")
        }

    def call(self, name, *arguments):
        return _ctypes.call_cdeclfunction(self.addresses[name], arguments)


# ---- captured before a script runs ----

read, write, leave, get_pid = posix.read, posix.write, posix._exit, posix.getpid
open_file, close_file, file_status = posix.open, posix.close, posix.fstat
set_blocking = posix.set_blocking
set_recursion_limit, recursion_limit = sys.setrecursionlimit, sys.getrecursionlimit()
set_trace, set_profile, set_switch_interval = sys.settrace, sys.setprofile, sys.setswitchinterval
get_handler, set_handler, set_timer = _signal.getsignal, _signal.signal, _signal.setitimer
timers = _signal.ITIMER_REAL, _signal.ITIMER_VIRTUAL, _signal.ITIMER_PROF
ignore_signal = _signal.SIG_IGN
last_signal = _signal.NSIG
make_encoder, encode_string = _json.make_encoder, _json.encode_basestring_ascii
streams = [sys.stdout, sys.stdout.buffer, sys.stderr, sys.stderr.buffer]
libc = CLibrary()

# Read through the base's own descriptors: a class can hide these names behind properties.
get_qualname = type.__dict__["__qualname__"].__get__
get_module = type.__dict__["__module__"].__get__
get_mro = type.__dict__["__mro__"].__get__
get_cause = BaseException.__cause__.__get__
get_context = BaseException.__context__.__get__
get_suppress = BaseException.__suppress_context__.__get__
get_traceback = BaseException.__traceback__.__get__
get_attributes = BaseException.__dict__["__dict__"].__get__
get_exceptions = BaseExceptionGroup.exceptions.__get__
get_exit_code = SystemExit.code.__get__


# ---- the channel ----


def receive_bytes(channel, size):
    data = b""
    while len(data) < size:
        piece = read(channel, size - len(data))
        if not piece:
            leave(EXIT_PROTOCOL if data else 0)  # the server has gone; between frames it may
        data += piece
    return data


def receive(channel):
    header = receive_bytes(channel, 8)
    size = int.from_bytes(header[4:], sys.byteorder)
    return int.from_bytes(header[:4], sys.byteorder), receive_bytes(channel, size)


def frame_of(kind, payload):
    return kind.to_bytes(4, sys.byteorder) + len(payload).to_bytes(4, sys.byteorder) + payload


def send(channel, frame):
    rest = memoryview(frame)
    while rest:
        rest = rest[write(channel, rest) :]


def encode_text(text, limit, keep_end=False):
    """UTF-8 of at most limit bytes, cut at a character, without the NUL that joins texts."""
    data = text.replace("\0", "\\x00").encode("utf-8", "backslashreplace")
    if len(data) <= limit:
        return data
    cut = data[-(limit - 8) :] if keep_end else data[: limit - 8]
    cut = cut.decode("utf-8", "ignore").encode()
    return b"...\n" + cut if keep_end else cut + b" ..."


def error_frame(word, message, traceback=""):
    texts = (
        word.encode(),
        encode_text(message, MESSAGE_BYTES),
        encode_text(traceback, TRACEBACK_BYTES, keep_end=True),
    )
    return frame_of(FRAME_ERROR, b"\0".join(texts))


# ---- texts about exceptions ----


def type_name(cls):
    name, module = get_qualname(cls), get_module(cls)
    if type(module) is str and module not in ("builtins", "__main__", "script"):
        name = module + "." + name
    return name[:200]


def headline_of(error):
    """`ZeroDivisionError: division by zero`. Runs the script's __str__."""
    try:
        text = str.__getitem__(str(error), slice(MESSAGE_BYTES))
    except BaseException:
        text = "<exception str() failed>"
    return type_name(type(error)) + (": " + text if text else "")


class Sources:
    """Which files are the script's own, what to call them, and their lines."""

    def __init__(self, directory):
        self.prefix = directory.rstrip("/") + "/"
        self.path = self.prefix + "script.py"
        self.lines_of = {}

    def name(self, path):
        return path[len(self.prefix) :] if path.startswith(self.prefix) else None

    def add(self, path, text):
        self.lines_of[path] = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")

    def load(self, path):
        # Neither a FIFO nor a link of the script's may hold this up.
        flags = posix.O_RDONLY | posix.O_NONBLOCK | posix.O_NOFOLLOW | posix.O_CLOEXEC
        text = b""
        try:
            file = open_file(path, flags)
            if file_status(file).st_mode & 0o170000 == 0o100000:
                text = read(file, SOURCE_BYTES)
            close_file(file)
        except OSError:
            pass
        self.add(path, text.decode("utf-8", "replace"))

    def line(self, path, number):
        if path not in self.lines_of:
            self.load(path)
        lines = self.lines_of[path]
        return lines[number - 1].strip()[:200] if number and 0 < number <= len(lines) else ""


def user_frames(error, sources):
    """Lines of text for the script's own frames, the middle of a deep recursion left out."""
    first, last, count = [], [], 0
    step = get_traceback(error)
    while step is not None:
        code = step.tb_frame.f_code
        name = sources.name(code.co_filename)
        if name:
            count += 1
            kept = first if count <= FRAMES_KEPT else last
            kept.append((name, code.co_filename, step.tb_lineno, code.co_name))
            if len(last) > FRAMES_KEPT:
                del last[0]
        step = step.tb_next

    def text(frame):
        name, path, number, function = frame
        line = sources.line(path, number)
        head = f'  File "{name[:200]}", line {number}, in {function[:200]}\n'
        return head + (f"    {line}\n" if line else "")

    hidden = count - len(first) - len(last)
    middle = [f"  ... {hidden} more frames ...\n"] if hidden else []
    return [text(frame) for frame in first] + middle + [text(frame) for frame in last]


def describe_one(error, headline, sources):
    frames = user_frames(error, sources)
    text = "".join(["Traceback (most recent call last):\n", *frames] if frames else [])
    text += headline + "\n"
    notes = (get_attributes(error) or {}).get("__notes__")
    if type(notes) is list:
        text += "".join(note[:1000] + "\n" for note in notes[:10] if type(note) is str)
    if issubclass(type(error), BaseExceptionGroup):
        for inner in get_exceptions(error)[:10]:
            text += "  - " + headline_of(inner)[:500] + "\n"
    return text, bool(frames)


def describe(error, headline, sources):
    """The traceback as Python words it, the latest exception whole, its causes while there is room;
    empty if the script's own code has no part in it."""
    text, has_frames = describe_one(error, headline, sources)
    seen = [error]
    while len(seen) < CHAIN_KEPT:
        cause, link = get_cause(error), "The above exception was the direct cause of the following"
        if cause is None and not get_suppress(error):
            cause, link = get_context(error), "During handling of the above exception, another"
        if cause is None or any(cause is other for other in seen):
            break
        earlier, more_frames = describe_one(cause, headline_of(cause), sources)
        link += " exception:" if link.endswith("following") else " exception occurred:"
        if len(earlier) + len(text) > TRACEBACK_BYTES:
            break
        text = f"{earlier}\n{link}\n\n{text}"
        has_frames = has_frames or more_frames
        seen.append(cause)
        error = cause
    return text if has_frames else ""


def exit_call(error):
    code = get_exit_code(error)
    try:
        if code is None:
            return "sys.exit()"
        if type(code) in (int, bool, str, float):
            return f"sys.exit({code[:MESSAGE_BYTES] if type(code) is str else code!r})"
    except ValueError:  # an int that is too long to be written
        pass
    return f"sys.exit(<{type_name(type(code))}>)"


def failure_frame(error, sources):
    if type(error) is Refused:
        return error_frame(*error.args)
    if issubclass(type(error), MemoryError):
        return error_frame("memory", OUT_OF_MEMORY, describe(error, headline_of(error), sources))
    if issubclass(type(error), SystemExit):
        return error_frame("exited", f"Script called {exit_call(error)} before main() returned")
    headline = headline_of(error)
    return error_frame("exception", headline, describe(error, headline, sources))


# ---- before the script: parse ----


def syntax_refusal(error, sources):
    number, column = error.lineno, error.offset
    message = str(error.msg)
    where = f", line {number}" if number else ""
    line = ""
    if number and sources.line(sources.path, number):
        raw = sources.lines_of[sources.path][number - 1]
        shown = sources.line(sources.path, number)
        line = f'  File "script.py", line {number}\n    {shown}\n'
        column = (column or 0) - 1 - (len(raw) - len(raw.lstrip()))
        if 0 <= column <= len(shown):
            line += "    " + " " * column + "^\n"
        line += f"{type_name(type(error))}: {message}\n"
    return Refused("syntax_error", f"SyntaxError: {message}{where}", line)


def defines_main(tree):
    """Is there a def of main at the top level, or inside if, try or with there?"""
    waiting = [tree.body]
    while waiting:
        for node in waiting.pop():
            kind = type(node).__name__
            if kind in ("FunctionDef", "AsyncFunctionDef"):
                if node.name == "main":
                    return True
            elif kind == "If":
                waiting += node.body, node.orelse
            elif kind == "With":
                waiting.append(node.body)
            elif kind in ("Try", "TryStar"):
                waiting += node.body, node.orelse, node.finalbody
                waiting += [handler.body for handler in node.handlers]
    return False


code_type = type(compile("", "", "exec"))


def shows_main(code, sources):
    """Does a line of its own begin with a def of main? Sure if true, and spares the tree, which is
    a quarter of the work of a small script; false means: look at the tree."""
    lines = sources.lines_of[sources.path]
    for constant in code.co_consts:
        if type(constant) is code_type and constant.co_name == "main":
            # A decorated one begins at its decorator.
            line = lines[constant.co_firstlineno - 1]
            if line.startswith(("def main", "async def main")):
                return True
    return False


def parse(text, sources):
    try:
        code = compile(text, sources.path, "exec", 0, True)
        if shows_main(code, sources):
            return code
        tree = compile(text, sources.path, "exec", PARSE_ONLY, True)
    except SyntaxError as error:
        raise syntax_refusal(error, sources) from None
    except (RecursionError, MemoryError, OverflowError):
        raise Refused("syntax_error", TOO_COMPLEX, "") from None
    except ValueError as error:
        raise Refused("syntax_error", f"SyntaxError: {error}", "") from None
    if not defines_main(tree):
        raise Refused("no_main", NO_MAIN, "")
    return code


# ---- the script ----


def make_modules(path):
    """The modules `script`, as an import of script.py would have made it, and `__main__`, with
    nothing of ours in it."""
    module = type(sys)("script")
    loader = SourceFileLoader("script", path)
    module.__spec__ = ModuleSpec("script", loader, origin=path)
    module.__spec__.has_location = True
    module.__loader__, module.__file__, module.__package__ = loader, path, ""
    module.__builtins__ = builtins
    main_module = type(sys)("__main__")
    main_module.__builtins__ = builtins
    return module, main_module


def enter_script(module, main_module):
    """Puts them where a script looks."""
    sys.modules["script"] = module
    sys.modules["__main__"] = main_module
    sys.argv = ["script.py"]
    sys.orig_argv = [sys.executable, "script.py"]
    return module


def write_script(path, data):
    file = open_file(path, posix.O_WRONLY | posix.O_CREAT | posix.O_TRUNC | posix.O_CLOEXEC, 0o600)
    send(file, data)
    close_file(file)


def run_coroutine(coroutine):
    import asyncio

    # Not asyncio.run(): its end waits for the threads and tasks that main() left behind.
    runner = asyncio.Runner()
    streams.append(runner)  # nothing of it is taken apart before the answer is out
    return runner.run(coroutine)


async def some_coroutine():
    pass


coroutine_type = type(coroutine := some_coroutine())
coroutine.close()


def run_script(code, module):
    exec(code, module.__dict__)
    main = module.__dict__.get("main")
    if not callable(main):
        raise Refused("no_main", NO_MAIN, "")
    value = main()
    return run_coroutine(value) if type(value) is coroutine_type else value


# ---- after the script ----


def settle():
    """Takes back what a script can leave switched on and what would run inside the answer."""
    set_recursion_limit(recursion_limit)
    set_trace(None)
    set_profile(None)
    set_switch_interval(0.005)
    sys.unraisablehook = sys.__unraisablehook__
    for timer in timers:
        set_timer(timer, 0)
    for number in range(1, last_signal):
        if callable(get_handler(number)):
            set_handler(number, ignore_signal)


def quietly(function, *arguments):
    try:
        function(*arguments)
    except BaseException:
        pass


def flush_current():
    # What stands there now may be the script's own object around the real one.
    for stream in (getattr(sys, "stdout", None), getattr(sys, "stderr", None)):
        if stream is not None and not any(stream is other for other in streams):
            quietly(lambda: stream.flush())


def flush_captured():
    for number in (1, 2):
        quietly(set_blocking, number, True)
    for stream in streams[:4]:
        quietly(lambda: stream.flush())
    libc.call("fflush", libc.stdout)


def refuse_value(value):
    """json's `default`: names the type and, where there is one, the way out."""
    cls = type(value)
    hint = ""
    for base in get_mro(cls):
        module = get_module(base)
        package = module.partition(".")[0] if type(module) is str else ""
        hint = HINTS.get(package + "." + get_qualname(base), "")
        if not hint and "__dataclass_fields__" in type.__dict__["__dict__"].__get__(base):
            hint = "use dataclasses.asdict()"
        if hint:
            break
    text = f"Object of type {type_name(cls)} is not JSON serializable"
    raise Refused("bad_result", "Result is not JSON: " + text + (hint and "; " + hint), "")


def result_text(value):
    """As json.dumps(value, allow_nan=False) writes it."""
    if issubclass(type(value), str):
        return encode_string(value)
    encode = make_encoder({}, refuse_value, encode_string, None, ": ", ", ", False, False, False)
    return "".join(encode(value, 0))


def result_frame(value, output_bytes):
    try:
        text = result_text(value)
    except (Refused, MemoryError, SystemExit):
        raise
    except RecursionError:
        raise Refused("bad_result", "Result is not JSON: it is nested too deeply", "") from None
    except BaseException as error:
        reason = headline_of(error)
        if reason.startswith("ValueError: Out of range float values"):
            reason = "NaN or Infinity is not JSON; replace it by None"
        elif type(error) in (TypeError, ValueError):
            reason = reason.partition(": ")[2] or reason
        raise Refused("bad_result", "Result is not JSON: " + reason, "") from None
    if len(text) > output_bytes:
        limit = f"({output_bytes >> 20}MB limit)"
        raise Refused("output", "Output limit exceeded " + limit, "")
    return frame_of(FRAME_RESULT, text.encode("ascii"))


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
    """Sends the answer and ends the process. Returns only if it could not."""
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
        return
    if get_pid() != pid:
        leave_as_child(failure, frame)
    quietly(set_blocking, channel, True)
    send(channel, frame)
    leave(0)


# ---- entry ----


def prepare():
    """What can be done before a script is there. Returns the output limit in bytes."""
    # Lone surrogates must not make print() raise.
    sys.stdout.reconfigure(line_buffering=True, errors="backslashreplace")
    libc.call("setvbuf", libc.stdout, None, 1, 0)  # _IOLBF: what C code prints comes in order
    return int(os.environ.pop("CODE_RUNNER_OUTPUT_BYTES", 10 << 20))


class Preparation:
    """What does not depend on the script."""

    def __init__(self, directory):
        self.output_bytes = prepare()
        self.sources = Sources(directory)
        self.modules = make_modules(self.sources.path)
        sys.path.insert(0, directory)


prepared = None  # in forks, by the zygote


def receive_script(channel):
    script = None
    while True:
        kind, payload = receive(channel)
        if kind == FRAME_SCRIPT and script is None:
            script = payload
        elif kind == FRAME_RUN and script is not None and not payload:
            return script
        else:
            leave(EXIT_PROTOCOL)


def serve(channel):
    """One script, from FRAME_READY to the end of the process. Does not return."""
    value = failure = None
    try:
        posix.set_inheritable(channel, False)
        preparation = prepared or Preparation(posix.getcwd())
        sources, output_bytes = preparation.sources, preparation.output_bytes
        pid = get_pid()
        send(channel, frame_of(FRAME_READY, b""))
        script = receive_script(channel)
        write_script(sources.path, script)
    except BaseException:
        leave(EXIT_SETUP)
    try:
        text = script.decode("utf-8", "replace").removeprefix("\ufeff")
        sources.add(sources.path, text)
        value = run_script(parse(text, sources), enter_script(*preparation.modules))
    except BaseException as error:
        failure = error
    for _ in range(5):  # a trace function that raises is gone after that
        try:
            settle()
            break
        except BaseException:
            continue
    try:
        answer(channel, pid, value, failure, sources, output_bytes)
    except BaseException:
        pass  # the script closed the channel, most likely
    leave(1)


REHEARSAL = """
import math

class A:
    pass

def main():
    values = [n * 2.5 for n in range(3)]
    return {"a": values, "b": math.sqrt(2), "c": {"d": "e", "f": None, "g": True}}
"""


def rehearse():
    """What serve() does with a script, short of files and the channel: the pages that this writes are
    the worker's own afterwards. Nothing of it can be seen by a script."""
    sources = Sources("/nonexistent")
    sources.add(sources.path, REHEARSAL)
    module = type(sys)("script")
    value = run_script(parse(REHEARSAL, sources), module)
    result_frame(value, 1 << 20)
    error_frame("exception", "text", "text")


class Rehearsed(BaseException):
    pass


def rehearse_serving(channel, far_end):
    """In a fork that is thrown away: all that serve_fork() does, from the first frame to the last, short
    of the end of the process."""
    global leave, prepared

    def leave(status):
        raise Rehearsed

    prepared = prepared or Preparation("/nonexistent")
    prepared.sources.path = "/dev/null"  # a fork of the zygote has no directory of its own
    send(far_end, frame_of(FRAME_SCRIPT, REHEARSAL.encode()) + frame_of(FRAME_RUN, b""))
    try:
        serve_fork(channel, None)
    except Rehearsed:
        pass


def prepare_forks(directory):
    """In the zygote, when all is loaded: what serve() would do in each fork, once for all.
    directory: the working directory that they will have; None: each has another. The
    rehearsals also leave the allocators as they are after a script: the first large request would
    sort every free piece of memory there is, a thousand pages of it, in each fork."""
    global prepared
    if directory is not None:
        prepared = Preparation(directory)
    for _ in range(3):
        rehearse()


def move_home(scratch):
    """What the zygote has set for its first slot, for the one whose scratch space this is."""
    home = scratch + "/home"
    os.environ.update(HOME=home, MPLCONFIGDIR=home, TMPDIR=scratch + "/tmp")
    style = sys.modules.get("matplotlib.style.core")
    if style:
        style.USER_LIBRARY_PATHS[:] = [home + "/stylelib"]


def serve_fork(channel, scratch):
    """serve(), in a fork of the interpreter that the zygote has loaded. scratch: the slot's scratch
    space where each has another, else None."""
    if scratch is not None:
        move_home(scratch)
    threading = sys.modules.get("threading")
    if threading:
        threading.main_thread()._set_native_id()
    process = sys.modules.get("multiprocessing.process")
    if process:
        key = process.AuthenticationString(posix.urandom(32))
        process.current_process()._config["authkey"] = key
    serve(channel)


def become_undumpable():
    """exec made this process dumpable again: PR_SET_DUMPABLE 0, so that no other process of this
    uid reads its memory. prctl(2)."""
    try:
        hidden = libc.call("prctl", 4, 0, 0, 0, 0) == 0 and libc.call("prctl", 3, 0, 0, 0, 0) == 0
    except BaseException:
        hidden = False
    if not hidden:
        leave(EXIT_SETUP)


if __name__ == "__main__":
    become_undumpable()
    serve(CHANNEL_FD)
