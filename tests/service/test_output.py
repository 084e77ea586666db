"""What a script returns and prints reaches the client as it was."""
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.client import Client
from support.scripts import LEAVES_WITNESSES, is_42

MIB = 1 << 20


def script(*lines, before=""):
    return before + "def main():\n" + "".join(f"    {line}\n" for line in lines)


@pytest.mark.parametrize("expression, text", [
    ("12345678901234567890123", b"12345678901234567890123"),
    ("-10**300", b"-1" + b"0" * 300),
    ("0.1", b"0.1"), ("-0.0", b"-0.0"), ("1e22", b"1e+22"), ("5e-324", b"5e-324"),
    ("1.0", b"1.0"), ("[1, 2.50, 1e16]", b"[1, 2.5, 1e+16]"), ("2**63", b"9223372036854775808"),
    ("None", b"null"), ("True", b"true"), ("''", b'""'), ("{}", b"{}"), ("{'b': 1, 'a': [None]}", b'{"b": 1, "a": [null]}'),
    ("{1: 2, None: 3}", b'{"1": 2, "null": 3}'), ("(1, 2)", b"[1, 2]"),
])
def test_result_arrives_byte_for_byte(service, expression, text):
    answer = service.execute(script(f"return {expression}"))
    assert answer.status == 200, answer
    assert answer.body.startswith(b'{"result": ' + text + b', "stdout": ""'), answer


@pytest.mark.parametrize("value", ["é漢😀", "\x00\x1f\x7f", "\u2028\"\\/", "a" * 40_000, [[[]]] * 1000],
                         ids=["not ASCII", "control characters", "separators", "long", "nested"])
def test_result_round_trip(service, value):
    answer = service.execute(script(f"return {value!r}"))
    assert answer.json["result"] == value


def test_no_main_return_is_null(service):
    assert service.execute(script("pass")).json == {"result": None, "stdout": ""}


@pytest.mark.parametrize("written, text", [
    (r"b'\xff\xfe ok\n'", "\ufffd\ufffd ok\n"),
    (r"b'cut \xe2\x82'", "cut \ufffd"),
    (r"b'\xed\xa0\x80'", None),
    (r"b'a\x00b\n'", "a\x00b\n"),
    (r"'é漢😀'.encode()", "é漢😀"),
    (r"b'\r\n\t\x1b[31m\x07'", "\r\n\t\x1b[31m\x07"),
    ("bytes([34, 92])", "\"\\"),
])
def test_stdout_bytes(service, written, text):
    answer = service.execute(script("import os", f"os.write(1, {written})"))
    assert answer.status == 200, answer
    if text is None:  # how many marks stand for a surrogate's three bytes is not promised
        assert set(answer.json["stdout"]) == {"\ufffd"}
    else:
        assert answer.json["stdout"] == text


def test_character_split_over_two_writes(service):
    answer = service.execute(script("import os, time", r"os.write(1, b'\xe2\x82')", "time.sleep(0.05)", r"os.write(1, b'\xac')"))
    assert answer.json["stdout"] == "€"


def test_order_of_all_ways_to_write(service):
    answer = service.execute(script(
        "for i in range(4):",
        "    print('print', i)",
        "    os.write(1, b'write %d\\n' % i)",
        "    subprocess.run(['echo', 'child', str(i)], check=True)",
        "    sys.stdout.buffer.write(b'buffer %d\\n' % i)",
        "    sys.stdout.write('text %d\\n' % i)",
        "    libc.puts(b'C %d' % i); libc.fflush(None)",
        before="import ctypes, os, subprocess, sys\nlibc = ctypes.CDLL(None)\n"))
    want = [f"{way} {i}" for i in range(4) for way in ("print", "write", "child", "buffer", "text", "C")]
    assert answer.json["stdout"].splitlines() == want, answer


def test_dev_stdout_opens(service):
    answer = service.execute(script("open('/dev/stdout', 'w').write('by name\\n')", "print('after')"))
    assert answer.json == {"result": None, "stdout": "by name\nafter\n"}, answer


def test_unterminated_line_and_unflushed_child_text(service):
    answer = service.execute(script("print('no newline', end='')", "return 1"))
    assert answer.json == {"result": 1, "stdout": "no newline"}


def test_stderr_only_when_there_is_some(service):
    answer = service.execute(script("import sys", "print('out')", "print('err', file=sys.stderr)"))
    assert answer.json == {"result": None, "stdout": "out\n", "stderr": "err\n"}, answer


def test_warnings_go_to_stderr(service):
    answer = service.execute(script("import warnings", "warnings.warn('careful')"))
    assert "UserWarning: careful" in answer.json["stderr"]


def test_print_before_and_after_import_time(service):
    answer = service.execute(script("print('in main')", before="print('at import')\n"))
    assert answer.json["stdout"] == "at import\nin main\n"


@pytest.mark.parametrize("children", [1, 4])
def test_children_that_are_left_cannot_tell_of_the_end(service, children):
    """As joblib's tracker does, and the children of multiprocessing. They and their parent are ended together.
    Four at a time: on processors that are busy the time between two ends is long."""
    with ThreadPoolExecutor(4) as threads:
        for answer in threads.map(lambda _: Client(service.port).execute(LEAVES_WITNESSES, args={"children": children}), range(160)):
            is_42(answer)


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_output_just_under_the_limit(service, stream):
    size = 10 * MIB - 1000
    answer = service.execute(script("import sys", f"sys.{stream}.write('x' * {size})", "return 1"))
    assert answer.status == 200, answer
    assert len(answer.json[stream]) == size


@pytest.mark.parametrize("lines", [
    ["import sys", "for _ in range(11): sys.stdout.write('x' * (1 << 20))"],
    ["import sys", "for _ in range(11): sys.stderr.write('x' * (1 << 20))"],
    ["import sys", "for _ in range(6): sys.stderr.write('x' * (1 << 20)); sys.stdout.write('x' * (1 << 20))"],
    ["return 'x' * (11 << 20)"],
    ["return ['x' * (1 << 20)] * 11"],
], ids=["stdout", "stderr", "both together", "result", "result of parts"])
def test_output_over_the_limit(service, lines):
    answer = service.execute(script(*lines))
    assert (answer.status, answer.outcome) == (400, "output"), answer
    assert answer.json["error"] == "Output limit exceeded (10MB limit)"


def test_result_just_under_the_limit(service):
    answer = service.execute(script("return 'x' * (10 * (1 << 20) - 2)"))
    assert answer.status == 200, answer
    assert len(answer.json["result"]) == 10 * MIB - 2


def test_many_small_numbers(service):
    answer = service.execute(script("return [0] * 3_400_000"))  # 10.2e6 bytes: a tree of this would be huge
    assert answer.status == 200, answer
    assert answer.body.count(b"0, ") >= 3_399_999


def test_error_body_never_holds_raw_control_characters(service):
    answer = service.execute(script(r"raise ValueError('a\x00b\n\ud800 \x1b')"))
    assert (answer.status, answer.outcome) == (400, "exception"), answer
    assert not [byte for byte in answer.body if byte < 32]
    assert json.loads(answer.body.decode("utf-8"))["error"].startswith("ValueError: a")
