"""How a script may end without a result: exceptions, exits, no memory. One row a script; each states only what differs."""

import pytest

pytestmark = pytest.mark.mode_independent

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
