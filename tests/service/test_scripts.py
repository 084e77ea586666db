"""How a script can end, and the verdict on each (contract: the table of what goes wrong)."""
import re

import pytest

from support import procs

NO_MAIN = "Script must contain a 'main()' function"


def main(*lines):
    return "def main():\n" + "".join(f"    {line}\n" for line in lines)


WITH_MAIN = {
    "def": "def main():\n    return 42\n",
    "async def": "import asyncio\nasync def main():\n    await asyncio.sleep(0)\n    return 42\n",
    "decorated": "import functools\n@functools.lru_cache\ndef main():\n    return 42\n",
    "in if": "if True:\n    def main():\n        return 42\n",
    "in else": "if False:\n    pass\nelse:\n    def main():\n        return 42\n",
    "in try": "try:\n    def main():\n        return 42\nfinally:\n    pass\n",
    "in except": "try:\n    1/0\nexcept ZeroDivisionError:\n    def main():\n        return 42\n",
    "in with": "import contextlib\nwith contextlib.suppress(OSError):\n    def main():\n        return 42\n",
    "with defaults": "def main(a=1, *rest, b=41, **more):\n    return a + b\n",
    "guarded": "def main():\n    return 42\nif __name__ == '__main__':\n    main(); raise SystemError('ran twice')\n",
    "coding line": "# -*- coding: latin-1 -*-\ndef main():\n    return 42 if len('é') == 1 else 0\n",
    "windows line ends": "def main():\r\n    return 42\r\n",
    "future import": "from __future__ import annotations\ndef main():\n    return 42\n",
}


@pytest.mark.parametrize("name", WITH_MAIN)
def test_a_main(service, name):
    answer = service.execute(WITH_MAIN[name])
    assert (answer.status, answer.json) == (200, {"result": 42, "stdout": ""}), answer


WITHOUT_MAIN = {
    "nothing": "x = 1\n",
    "lambda": "main = lambda: 42\n",
    "import": "from os import getpid as main\n",
    "variable": "main = 42\n",
    "class": "class main:\n    pass\n",
    "other case": "def Main():\n    return 42\n",
    "nested": "def outer():\n    def main():\n        return 42\n",
    "method": "class A:\n    def main(self):\n        return 42\n",
    "only a comment": "# def main():\n",
    "by exec": "exec('def main():\\n    return 42')\n",
    "by globals": "globals()['main'] = print\n",
}


@pytest.mark.parametrize("name", WITHOUT_MAIN)
def test_no_main_and_nothing_ran(service, name):
    answer = service.execute("print('it ran')\n" + WITHOUT_MAIN[name])
    assert (answer.status, answer.outcome) == (400, "no_main"), answer
    assert answer.json["error"] == NO_MAIN
    assert answer.json.get("stdout", "") == ""


@pytest.mark.parametrize("script, line", [
    ("print('it ran')\ndef main(:\n    pass\n", 2),
    ("x = 1\nif x\n    print(x)\n", 2),  # wins over the missing main
    ("def main():\n    return 'open\n", 2),
    ("def main():\nreturn 1\n", 2),
    ("def main():\n    return 1\n\n  x = 2\n", 4),
    ("return 1\ndef main(): pass\n", 1),
    ("def main():\n    break\n", 2),
])
def test_syntax_error(service, script, line):
    answer = service.execute(script)
    assert (answer.status, answer.outcome) == (400, "syntax_error"), answer
    assert re.fullmatch(rf"(SyntaxError|IndentationError): .+, line {line}", answer.json["error"]), answer
    assert "stdout" not in answer.json, "nothing ran"
    # As python3 shows it: the line and where in it.
    assert answer.json["traceback"].startswith(f'  File "script.py", line {line}\n    '), answer


RAISES = {  # name: script, error
    "in main": (main("print('before')", "return 1 / 0"), "ZeroDivisionError: division by zero"),
    "at import": ("print('before')\n1 / 0\ndef main():\n    pass\n", "ZeroDivisionError: division by zero"),
    "KeyboardInterrupt": (main("print('before')", "raise KeyboardInterrupt"), "KeyboardInterrupt"),
    "GeneratorExit": (main("print('before')", "raise GeneratorExit('x')"), "GeneratorExit: x"),
    "own BaseException": ("class Own(BaseException):\n    pass\n" + main("print('before')", "raise Own('é')"), "Own: é"),
    "async": ("async def main():\n    print('before')\n    raise ValueError('x')\n", "ValueError: x"),
    "missing module": ("print('before')\nimport nothing_of_that_name\n" + main("pass"),
                       "ModuleNotFoundError: No module named 'nothing_of_that_name'"),
    "no stdin": (main("print('before')", "input()"), "EOFError: EOF when reading a line"),
    "needs an argument": ("print('before')\ndef main(x):\n    return x\n",
                          "TypeError: main() missing 1 required positional argument: 'x'"),
}


@pytest.mark.parametrize("name", RAISES)
def test_exception(service, name):
    script, error = RAISES[name]
    answer = service.execute(script)
    assert (answer.status, answer.outcome) == (400, "exception"), answer
    assert answer.json["error"] == error
    assert answer.json["stdout"] == "before\n"


def test_traceback_has_the_users_frames_only(service):
    answer = service.execute("def inner():\n    raise ValueError('deep')\n" + main("inner()"))
    text = answer.json["traceback"]
    assert "line 2, in inner" in text and "line 4, in main" in text, text
    assert "raise ValueError('deep')" in text, "source lines are shown"
    assert text.count("File ") == 2, text
    assert "harness" not in text


def test_error_text_stays_small_however_long_the_message(service):
    answer = service.execute(main("raise ValueError('x' * 1_000_000)"))
    assert answer.outcome == "exception", answer
    assert answer.json["error"].startswith("ValueError: xxx")
    assert len(answer.json["error"]) < 16384
    assert len(answer.body) < 200_000


LEAVES = {  # name: line, outcome, what the error must match
    "sys.exit()": ("import sys; sys.exit()", "exited", r"sys\.exit"),
    "sys.exit(3)": ("import sys; sys.exit(3)", "exited", "3"),
    "sys.exit(text)": ("import sys; sys.exit('enough now')", "exited", "enough now|1"),
    "SystemExit": ("raise SystemExit(4)", "exited", "4"),
    "os._exit(0)": ("import os; os._exit(0)", "exited", "0"),
    "os._exit(7)": ("import os; os._exit(7)", "exited", "7"),
    "SIGKILL": ("import os; os.kill(os.getpid(), 9)", "killed", "SIGKILL|signal 9|Killed"),
    "SIGTERM": ("import os; os.kill(os.getpid(), 15)", "killed", "SIGTERM|signal 15|Terminated"),
    "abort": ("import os; os.abort()", "killed", "SIGABRT|signal 6|Aborted"),
    "segfault": ("import ctypes; ctypes.string_at(0)", "killed", "SIGSEGV|signal 11|Segmentation"),
    "alarm": ("import signal; signal.alarm(1); signal.pause()", "killed", "SIGALRM|signal 14|Alarm"),
}


@pytest.mark.parametrize("name", LEAVES)
def test_leaving(service, name):
    line, outcome, pattern = LEAVES[name]
    answer = service.execute(main("print('before')", line))
    assert (answer.status, answer.outcome) == (400, outcome), answer
    assert re.search(pattern, answer.json["error"]), answer
    assert answer.json["stdout"] == "before\n"


NOT_JSON = {  # name: expression, hint
    "nan": ("float('nan')", ""), "infinity in a list": ("[1, float('inf')]", ""),
    "set": ("{1, 2}", ""), "bytes": ("b'x'", ""), "object": ("object()", ""), "complex": ("1j", ""),
    "array": ("__import__('numpy').arange(3)", ".tolist()"),
    "numpy scalar": ("__import__('numpy').int64(3)", ".item()"),
    "data frame": ("__import__('pandas').DataFrame({'a': [1]})", ".to_dict()"),
    "tuple as key": ("{(1, 2): 3}", ""), "generator": ("(x for x in [])", ""),
    "function": ("main", ""),
}


@pytest.mark.parametrize("name", NOT_JSON)
def test_result_that_is_not_json(service, name):
    expression, hint = NOT_JSON[name]
    answer = service.execute(main("print('before')", f"return {expression}"))
    assert (answer.status, answer.outcome) == (400, "bad_result"), answer
    assert hint in answer.json["error"], answer
    assert "JSON" in answer.json["error"], answer
    assert answer.json["stdout"] == "before\n"


def test_circular_result(service):
    answer = service.execute(main("a = []", "a.append(a)", "return a"))
    assert (answer.status, answer.outcome) == (400, "bad_result"), answer


@pytest.mark.parametrize("script", [
    main("print('before')", "while True: pass"),
    main("print('before')", "import time; time.sleep(60)"),
    "print('before')\nimport threading\nthreading.Event().wait()\n" + main("pass"),
], ids=["busy", "asleep", "at import"])
def test_timeout_keeps_what_was_printed(hasty, script):
    def run():
        answer = hasty.execute(script)
        return answer if answer.json.get("stdout") else None
    answer = procs.poll(run, 15, "it prints in its second: not if the machine stands still")
    assert (answer.status, answer.outcome) == (400, "timeout"), answer
    assert answer.json["error"] == "Script execution timed out (1s limit)"
    assert answer.json["stdout"] == "before\n"
    assert 0.9 < answer.seconds < 15


def test_the_module_is_a_real_one_named_script(service):
    answer = service.execute("""
import dataclasses, inspect, pickle, sys, os
@dataclasses.dataclass
class Point:
    x: int
def main():
    copy = pickle.loads(pickle.dumps(Point(3)))
    return {"name": __name__, "entry": sys.modules[__name__].__dict__ is globals(), "copy": copy == Point(3),
            "source": inspect.getsource(main)[:11],
            "file": os.path.isfile(__file__), "argv": len(sys.argv)}
""")
    assert answer.json["result"] == {"name": "script", "entry": True, "copy": True, "source": "def main():",
                                     "file": True, "argv": 1}, answer
