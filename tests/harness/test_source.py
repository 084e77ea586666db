"""What a script may be: a main() at its top level, and source that compiles. One row a script."""

import pytest

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
