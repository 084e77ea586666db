"""results: what main() returned -> JSON text, or why it is none."""

from _json import encode_basestring_ascii as encode_string
from _json import make_encoder

from harness.channel import FRAME_RESULT, frame_of
from harness.failures import Refused, get_module, get_qualname, headline_of, type_name

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
    "array.array": "use .tolist()",
    "scipy.spmatrix": "use .toarray().tolist()",
    "datetime.date": "use .isoformat()",
    "datetime.time": "use .isoformat()",
    "datetime.timedelta": "use .total_seconds()",
    "decimal.Decimal": "use str() or float()",
    "fractions.Fraction": "use str() or float()",
    "uuid.UUID": "use str()",
    "pathlib.PurePath": "use str()",
    "enum.Enum": "use .value",
    "numpy.ndarray": "use .tolist()",
    "numpy.datetime64": "use str()",
    "numpy.timedelta64": "use str()",
    "numpy.generic": "use .item()",
    "pandas.DataFrame": "use .to_dict()",
    "pandas.Series": "use .to_dict() or .tolist()",
    "pandas.Index": "use .tolist()",
    "pandas.ExtensionArray": "use .tolist()",
    "pandas.Period": "use str()",
}

get_mro = type.__dict__["__mro__"].__get__


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
