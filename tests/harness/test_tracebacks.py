"""What a traceback shows: the user's own frames and sources, and nothing of the harness."""

import pytest

pytestmark = pytest.mark.mode_independent


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
