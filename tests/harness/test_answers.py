"""What a script gets: results, refusals, errors. One row a script; each states only what differs."""

import json
import shutil
import struct

import driver
import pytest
from driver import ERROR, READY, RUN, SCRIPT, Answer

pytestmark = pytest.mark.mode_independent

NO_MAIN = ("no_main", "Script must contain a 'main()' function", "")

HAS_MAIN = [
    "def main(): return 1",
    "async def main(): return 1",
    "import functools\n@functools.cache\ndef main(): return 1",
    "if 1:\n def main(): return 1",
    "if 0: pass\nelif 0: pass\nelse:\n def main(): return 1",
    "try:\n def main(): return 1\nfinally: pass",
    "try: 1/0\nexcept ZeroDivisionError:\n def main(): return 1",
    "try: pass\nexcept ValueError: pass\nelse:\n def main(): return 1",
    "try: pass\nfinally:\n def main(): return 1",
    "try:\n def main(): return 1\nexcept* ValueError: pass",
    "import contextlib\nwith contextlib.nullcontext():\n if 1:\n  try:\n   def main(): return 1\n  finally: pass",
    "\ufeffdef main(): return 1",
    "def main():\r\n    return 1\r\n",
    "async def work(): return 1\ndef main(): return work()",
    "# -*- coding: latin-1 -*-\ndef main(): return len('é')",
]


@pytest.mark.parametrize("script", HAS_MAIN)
def test_main_is_found(run, script):
    assert run(script).result == "1"


HAS_NO_MAIN = [
    "x = 1",
    "main = lambda: 1",
    "from os import getcwd as main",
    "class main: pass",
    "main = print",
    "def outer():\n def main(): pass",
    "class A:\n def main(self): pass",
    "for i in [1]:\n def main(): return 1",
    "while True:\n def main(): return 1\n break",
    "match 1:\n case 1:\n  def main(): return 1",
    "def Main(): pass",
    "",
]


@pytest.mark.parametrize("script", HAS_NO_MAIN)
def test_without_main_nothing_runs(run, script):
    answer = run("print('ran')\n" + script)
    assert answer.error == NO_MAIN
    assert answer.stdout == b""


@pytest.mark.parametrize("script", ["def main(): pass\nmain = 5", "def main(): pass\ndel main", "if 0:\n def main(): pass",
                                    "try:\n import nothing_there\n def main(): pass\nexcept ImportError: pass"])
def test_main_that_is_not_there_when_the_module_has_run(run, script):
    answer = run("print('ran')\n" + script)
    text = "NameError: main() is not there when the script's top level has run: not reached, deleted or replaced"
    assert answer.error == ("exception", text, "")
    assert answer.stdout == b"ran\n"


SYNTAX_ERRORS = [
    ("def main(:\n  pass", "SyntaxError: invalid syntax, line 1"),
    ("print(1)\nx = = 2", "SyntaxError: invalid syntax, line 2"),
    ("def main():\nreturn 1", "SyntaxError: expected an indented block after function definition on line 1, line 2"),
    ("def main():\n  x\n    y", "SyntaxError: unexpected indent, line 3"),
    ("if 1:\n\tx\n        y", "SyntaxError: inconsistent use of tabs and spaces in indentation, line 3"),
    ("x = 1\nreturn 5", "SyntaxError: 'return' outside function, line 2"),
    ("def main(): pass\nnonlocal x", "SyntaxError: nonlocal declaration not allowed at module level, line 2"),
    ("def main():\n  return 'abc", "SyntaxError: unterminated string literal (detected at line 2), line 2"),
    ("x = 1\0", "SyntaxError: source code string cannot contain null bytes"),
]


@pytest.mark.parametrize("script, message", SYNTAX_ERRORS)
def test_syntax_error_wins_and_nothing_runs(run, script, message):
    answer = run("print('ran')\n" + script)
    line = message.rpartition(" ")[2]
    if line.isdigit():
        head, _, number = message.rpartition("line ")
        message = f"{head}line {int(number) + 1}"
        message = message.replace("on line 1", "on line 2").replace("at line 2)", "at line 3)")
    word, text, traceback = answer.error
    assert (word, text) == ("syntax_error", message)
    assert answer.stdout == b""
    assert "/" not in traceback


MONSTERS = {
    "minus signs": "x = " + "-" * 49_000 + "1",
    "brackets": "x = " + "(" * 20_000 + ")" * 20_000,
    "not": "x = " + "not " * 12_000 + "1",
    "attributes": "x = a" + ".b" * 24_000,
    "powers": "x = 1" + "**1" * 16_000,
    "additions": "x = 1" + "+1" * 24_000,
    "lambdas": "x = " + "lambda:" * 7_000 + "1",
    "indent": "".join(" " * i + "if 1:\n" for i in range(101)) + " " * 101 + "x",
    "f-strings": "x = " + "f'{" * 500 + "1",
}


@pytest.mark.parametrize("name", MONSTERS)
def test_monstrous_source_is_a_syntax_error(run, name):
    word, message, _ = run(MONSTERS[name] + "\ndef main(): pass").error
    assert word == "syntax_error"
    assert message.startswith("SyntaxError: ")


EXCEPTIONS = [
    ("def main(): 1/0", "ZeroDivisionError: division by zero"),
    ("raise ValueError('at import')\ndef main(): pass", "ValueError: at import"),
    ("def main(): raise KeyboardInterrupt", "KeyboardInterrupt"),
    ("def main(): raise GeneratorExit('x')", "GeneratorExit: x"),
    ("def main(): raise BaseException('b')", "BaseException: b"),
    ("class Mine(Exception): pass\ndef main(): raise Mine('m')", "Mine: m"),
    ("class A:\n class B(Exception): pass\ndef main(): raise A.B", "A.B"),
    ("import json\ndef main(): json.loads('{')", "json.decoder.JSONDecodeError: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
    ("def main(): raise KeyError('k')", "KeyError: 'k'"),
    ("def main(a): pass", "TypeError: main() missing 1 required positional argument: 'a'"),
    ("import asyncio\nasync def main(): raise asyncio.CancelledError", "asyncio.exceptions.CancelledError"),
    ("async def main(): 1/0", "ZeroDivisionError: division by zero"),
    ("def main(): raise ValueError('a\\0b')", "ValueError: a\\x00b"),
    ("def main(): raise ValueError('\\ud800')", "ValueError: \\ud800"),
    ("def main(): exec('x = = 1')", "SyntaxError: invalid syntax (<string>, line 1)"),
    ("def main(): raise ExceptionGroup('g', [ValueError(1)])", "ExceptionGroup: g (1 sub-exception)"),
    ("class E(Exception):\n def __str__(self): 1/0\ndef main(): raise E", "E: <exception str() failed>"),
    ("class E(Exception):\n def __str__(self): raise SystemExit\ndef main(): raise E", "E: <exception str() failed>"),
    ("class E(Exception):\n def __str__(self): return 5\ndef main(): raise E", "E: <exception str() failed>"),
    ("class E(Exception):\n def __str__(self): return str(self)\ndef main(): raise E", "E: <exception str() failed>"),
    ("class S(str):\n def __len__(s): 1/0\n def encode(s, *a): 1/0\n def replace(s, *a): 1/0\nclass E(Exception):\n def __str__(self): return S('s')\ndef main(): raise E", "E: s"),
    ("class M(type):\n def __getattribute__(s, n): 1/0\nclass E(Exception, metaclass=M): pass\ndef main(): raise E('x')", "E: x"),
    ("class E(Exception):\n __module__ = 5\ndef main(): raise E('x')", "E: x"),
    ("class E(Exception):\n __class__ = property(lambda s: SystemExit)\ndef main(): raise E('x')", "E: x"),
    ("class E(Exception):\n __traceback__ = __cause__ = __context__ = property(lambda s: 1/0)\ndef main(): raise E('x')", "E: x"),
    ("class E(Exception):\n def __getattribute__(s, n): raise SystemExit(9)\ndef main(): raise E('x')", "E: x"),
]


@pytest.mark.parametrize("script, message", EXCEPTIONS)
def test_exception(run, script, message):
    answer = run(script)
    word, text, traceback = answer.error
    assert (word, text) == ("exception", message)
    assert "harness" not in traceback and "/tmp" not in traceback and "/usr" not in traceback


def test_huge_message_is_cut(run):
    word, message, _ = run("def main(): raise ValueError('é' * 50_000_000)").error
    assert word == "exception" and message.startswith("ValueError: éé") and len(message) > 2000


EXITS = [
    ("def main(): import sys; sys.exit(3)", "sys.exit(3)"),
    ("def main(): import sys; sys.exit('text')", "sys.exit('text')"),
    ("import sys; sys.exit()\ndef main(): pass", "sys.exit()"),
    ("def main(): exit(0)", "sys.exit(0)"),
    ("def main(): raise SystemExit([1])", "sys.exit(<list>)"),
    ("def main(): raise SystemExit(10 ** 5000)", "sys.exit(<int>)"),
    ("class E(SystemExit): code = property(lambda s: 1/0)\ndef main(): raise E(4)", "sys.exit(4)"),
    ("async def main(): raise SystemExit(5)", "sys.exit(5)"),
]


@pytest.mark.parametrize("script, call", EXITS)
def test_exit(run, script, call):
    assert run(script).error == ("exited", f"Script called {call} before main() returned", "")


MEMORY = [
    "def main(): raise MemoryError",
    "def main(): return 'x' * (1 << 62)",
    "class E(MemoryError): pass\ndef main(): raise E",
    "import resource\nresource.setrlimit(resource.RLIMIT_AS, (200 << 20, 200 << 20))\ndef main(): return list(range(50_000_000))",
    "import resource\nresource.setrlimit(resource.RLIMIT_AS, (200 << 20, 200 << 20))\n"
    "def main():\n kept = []\n while 1: kept.append('x' * 1000)",
    "import resource\nresource.setrlimit(resource.RLIMIT_AS, (200 << 20, 200 << 20))\n"
    "def main(): return ['\\x00' * 1000] * 20_000",
    "import numpy\ndef main(): numpy.zeros(1 << 50)",
]


@pytest.mark.parametrize("script", MEMORY)
def test_uncaught_memory_error(run, script):
    assert run(script).error[:2] == ("memory", "Memory limit exceeded")


BAD_RESULTS = [
    ("{1}", "Object of type set is not JSON serializable; use list()"),
    ("b'x'", "Object of type bytes is not JSON serializable; use .decode() or base64"),
    ("[1, {'a': (x for x in 'a')}]", "Object of type generator is not JSON serializable; use list()"),
    ("{}.keys()", "Object of type dict_keys is not JSON serializable; use list()"),
    ("main", "Object of type function is not JSON serializable"),
    ("float('nan')", "NaN or Infinity is not JSON; replace it by None"),
    ("[1, -float('inf')]", "NaN or Infinity is not JSON; replace it by None"),
    ("{float('nan'): 1}", "NaN or Infinity is not JSON; replace it by None"),
    ("{(1, 2): 3}", "keys must be str, int, float, bool or None, not tuple"),
    ("circular", "Circular reference detected"),
    ("deep", "it is nested too deeply"),
    ("10 ** 5000", "Exceeds the limit (4300 digits) for integer string conversion; use sys.set_int_max_str_digits() to increase the limit"),
    ("__import__('numpy').zeros(3)", "Object of type numpy.ndarray is not JSON serializable; use .tolist()"),
    ("__import__('numpy').datetime64('2020-01-01')", "Object of type numpy.datetime64 is not JSON serializable; use str()"),
    ("__import__('array').array('i')", "Object of type array.array is not JSON serializable; use .tolist()"),
    ("__import__('numpy').int64(3)", "Object of type numpy.int64 is not JSON serializable; use .item()"),
    ("__import__('pandas').DataFrame()", "Object of type pandas.core.frame.DataFrame is not JSON serializable; use .to_dict()"),
    ("__import__('datetime').datetime(2024, 1, 1)", "Object of type datetime.datetime is not JSON serializable; use .isoformat()"),
    ("Data()", "Object of type Data is not JSON serializable; use dataclasses.asdict()"),
    ("Hostile()", "Object of type Hostile is not JSON serializable"),
    ("Items(a=1)", "ValueError"),
]


@pytest.mark.parametrize("value, reason", BAD_RESULTS)
def test_result_that_is_not_json(run, value, reason):
    script = f"""
import dataclasses
circular = []
circular.append(circular)
deep = []
for _ in range(100_000): deep = [deep]
@dataclasses.dataclass
class Data: pass
class Meta(type):
    def __getattribute__(self, name): raise SystemExit
class Hostile(metaclass=Meta):
    def __getattribute__(self, name): raise SystemExit
class Items(dict):
    def items(self): raise ValueError
def main(): return {value}
"""
    word, message, _ = run(script).error
    assert (word, message) == ("bad_result", "Result is not JSON: " + reason)


def test_items_of_a_dict_may_exit(run):
    script = "import sys\nclass D(dict):\n def items(s): sys.exit(4)\ndef main(): return D(a=1)"
    assert run(script).error[:2] == ("exited", "Script called sys.exit(4) before main() returned")


CORPUS = """
import collections, enum
class I(int):
    def __repr__(self): return 'wrong'
    __str__ = __repr__
class F(float):
    def __repr__(self): return 'wrong'
class S(str):
    def __str__(self): return 'wrong'
class L(list): pass
class E(enum.IntEnum):
    ONE = 1
class T(str, enum.Enum):
    A = 'a'
P = collections.namedtuple('P', 'x y')
CORPUS = [None, True, False, 0, -1, 12345678901234567890123, 0.1, -0.0, 1e300, 5e-324, 1e16, '', 'a"\\\\/\\n\\x00\\x7f',
    'é€😀', '\\ud800', '\\udfff\\ud800', [], {}, (), [[]], [[1, [2, (3,)]], {'a': {'b': []}}], I(7), F(1.5), F(-0.0), S('s'), L([1]),
    E.ONE, T.A, P(1, 2), {1: 2, None: 3, True: 4, 1.5: 5, 'k': 6, I(9): 1, F(2.5): 1, S('x'): 1, E.ONE: 1}, {'z': 1, 'a': 2},
    collections.OrderedDict(b=1, a=2), collections.Counter('aab'), collections.defaultdict(list, a=[1]),
    [1.0, 100000000000000000000.0, 1e-7, 123456789.123456789], 10 ** 4299, ['x' * 1000] * 3, {'nested': [{'k': i} for i in range(50)]}]
"""


def test_text_is_what_json_dumps_writes(run):
    names = {}
    exec(CORPUS, names)
    # All in one, and each alone at the top (a float, a string, ... takes another way there).
    script = CORPUS + "def main(): return CORPUS"
    assert run(script).result == json.dumps(names["CORPUS"], allow_nan=False)
    for index in (7, 12, 14, 15, 21, 22, 23, 24, 26, 27, 28, 29):
        script = CORPUS + f"def main(): return CORPUS[{index}]"
        assert run(script).result == json.dumps(names["CORPUS"][index], allow_nan=False)


def test_numpy_floats_are_floats(run):
    script = "import numpy\ndef main(): return [numpy.float64(0.1), {numpy.float64(2): numpy.str_('s')}]"
    assert run(script).result == '[0.1, {"2.0": "s"}]'


@pytest.mark.parametrize("size, fits", [(1000, True), (1001, False)])
def test_result_over_the_output_limit(run, size, fits):
    answer = run(f"def main(): return 'x' * {size - 2}", CODE_RUNNER_OUTPUT_BYTES="1000")
    if fits:
        assert len(answer.result) == size
    else:
        assert answer.error[0] == "output"


def test_large_result_is_whole(run):
    answer = run("def main(): return list(range(1_000_000))")
    assert answer.result == json.dumps(list(range(1_000_000)))


def test_traceback_shows_the_users_own_frames(run):
    script = """
import json, helper
def outer(text):
    return json.loads(text)
def main():
    try:
        helper.check(outer)
    except ValueError as error:
        raise KeyError('other') from error
"""
    answer = run(script, {"helper.py": "def check(function):\n    return function('{')\n"})
    assert answer.error[2] == """\
Traceback (most recent call last):
  File "script.py", line 7, in main
    helper.check(outer)
  File "helper.py", line 2, in check
    return function('{')
  File "script.py", line 4, in outer
    return json.loads(text)
json.decoder.JSONDecodeError: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "script.py", line 9, in main
    raise KeyError('other') from error
KeyError: 'other'
"""


def test_traceback_of_a_recursion_is_short(run):
    word, message, traceback = run("def f(): f()\ndef main(): f()").error
    assert message == "RecursionError: maximum recursion depth exceeded"
    assert traceback.count("in f\n") in range(15, 21) and "more frames" in traceback


def test_traceback_context_notes_and_groups(run):
    script = """
def main():
    try: 1/0
    except ZeroDivisionError:
        error = ExceptionGroup('several', [ValueError('one'), TypeError('two')])
        error.add_note('a note')
        raise error
"""
    traceback = run(script).error[2]
    assert "During handling of the above exception, another exception occurred:" in traceback
    assert traceback.endswith("sub-exceptions)\na note\n  - ValueError: one\n  - TypeError: two\n")


def test_syntax_error_shows_the_place(run):
    traceback = run("def main():\n    return 1 +\n").error[2]
    assert traceback == '  File "script.py", line 2\n    return 1 +\n              ^\nSyntaxError: invalid syntax\n'


def test_quoting_a_source_never_blocks(run):
    script = """
import os
os.mkfifo('pipe.py')
def main(): exec(compile('1/0', os.path.abspath('pipe.py'), 'exec'))
"""
    word, message, traceback = run(script).error
    assert message == "ZeroDivisionError: division by zero" and 'File "pipe.py", line 1' in traceback


# ---- the channel ----


@pytest.mark.parametrize("frames, status", [
    ([(99, b"")], 70),
    ([(RUN, b"")], 70),
    ([(SCRIPT, b"x"), (SCRIPT, b"x")], 70),
    ([(SCRIPT, b"x"), (RUN, b"x")], 70),
    ([(READY, b"")], 70),
    ([], 0),
    ([(SCRIPT, b"x")], 0),
])
def test_order_of_frames(start, frames, status):
    harness = start()
    assert harness.receive() == (READY, b"")
    for kind, payload in frames:
        harness.send(kind, payload)
    harness.channel.shutdown(1)
    assert harness.receive() is None
    assert harness.process.wait(10) == status


def test_end_within_a_frame(start):
    harness = start()
    harness.receive()
    harness.channel.sendall(struct.pack("=IIc", SCRIPT, 5, b"x"))
    harness.channel.shutdown(1)
    assert harness.process.wait(10) == 70


def test_frames_may_come_byte_by_byte(start):
    harness, answer = start(), Answer()
    harness.receive()
    script = "def main(): return 'é'".encode()
    for byte in struct.pack("=II", SCRIPT, len(script)) + script + struct.pack("=II", RUN, 0):
        harness.channel.sendall(bytes([byte]))
    assert harness.receive() == (18, b'"\\u00e9"')
    harness.finish(answer)
    assert answer.status == 0


def test_is_undumpable(run):
    script = """
import ctypes, subprocess, sys
CODE = "import ctypes; print(ctypes.CDLL(None).prctl(3))"
def main():
    return ctypes.CDLL(None).prctl(3), subprocess.check_output([sys.executable, "-c", CODE], text=True)
"""
    assert run(script).result == '[0, "1\\n"]'


def test_never_ready_while_dumpable(start, tmp_path, monkeypatch):
    shutil.copytree(driver.HARNESS, tmp_path, dirs_exist_ok=True)
    text = (tmp_path / "system.py").read_text()
    assert '"prctl", 4' in text
    (tmp_path / "system.py").write_text(text.replace('"prctl", 4', '"prctl", -1'))
    monkeypatch.setattr(driver, "packed_harness", lambda: driver.pack_harness(tmp_path, tmp_path))
    harness = start()
    assert harness.receive() is None
    assert harness.process.wait(10) == 71


def test_error_frame_has_three_texts(run):
    kind, payload = run("def main(): raise ValueError('a\\0b')\n").frames[0]
    assert kind == ERROR and payload.count(b"\0") == 2
