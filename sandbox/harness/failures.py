"""failures: what went wrong, as the texts of a FRAME_ERROR: outcome word, message, traceback of the
script's own frames. Formats by itself, because a script can replace the module traceback."""

from harness.channel import FRAME_ERROR, frame_of

MESSAGE_BYTES = 4 << 10
TRACEBACK_BYTES = 16 << 10
FRAMES_KEPT = 10  # at either end of a traceback
CHAIN_KEPT = 5

OUT_OF_MEMORY = "Memory limit exceeded"

# Read through the base's own descriptors: a class can hide these names behind properties.
get_qualname = type.__dict__["__qualname__"].__get__
get_module = type.__dict__["__module__"].__get__
get_cause = BaseException.__cause__.__get__
get_context = BaseException.__context__.__get__
get_suppress = BaseException.__suppress_context__.__get__
get_traceback = BaseException.__traceback__.__get__
get_attributes = BaseException.__dict__["__dict__"].__get__
get_exceptions = BaseExceptionGroup.exceptions.__get__
get_exit_code = SystemExit.code.__get__


class Refused(Exception):
    """What the harness says of a script: outcome word, message, traceback."""


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
