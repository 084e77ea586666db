"""The harness alone with inputs and files that are to come back: what no sandbox has room for, and what
plain Python says of the same patterns."""

import fnmatch
import json
import os
import random
import runpy
import struct

import driver
import pytest
from driver import READY, RESULT, RUN, SCRIPT, Answer

pytestmark = pytest.mark.mode_independent

ARGS, STDIN, FILE, RETURN, RETURNED, NOTE = 3, 4, 5, 6, 22, 23


@pytest.fixture
def give(start):
    """give(script, frames): the answer, when these came between script and FRAME_RUN."""

    def give_one(script, *frames, prepare=lambda directory: None):
        harness, answer = start(), Answer()
        prepare(harness.directory.name)
        assert harness.receive() == (READY, b"")
        for kind, payload in ((SCRIPT, script.encode()), *frames, (RUN, b"")):
            harness.send(kind, payload)
        while (frame := harness.receive()) is not None:
            answer.frames.append(frame)
        harness.finish(answer)
        return answer

    return give_one


def test_all_inputs(give):
    script = "import sys\ndef main(a): return [a, sys.stdin.read(), open('d/f').read()]"
    answer = give(script, (ARGS, b'{"a": 0.1}'), (STDIN, b"in"), (FILE, b"d/f\0of a file"))
    assert answer.result == '[0.1, "in", "of a file"]'


def test_returned_files_come_before_the_result(give):
    answer = give("def main(): open('a', 'w').write('x')", (RETURN, b"a\0b"))
    assert answer.frames == [(RETURNED, b"a\0x"), (NOTE, b"code-runner: nothing matches 'b'\n"), (RESULT, b"null")]


def test_entries_are_bounded(give):
    def fill(directory):
        for number in range(25_000):
            os.close(os.open(f"{directory}/{number}", os.O_CREAT))

    answer = give("def main(): pass", (RETURN, b"x*\0**/y"), prepare=fill)
    note = b"code-runner: not all files were looked at: 20000 at most\n"
    assert [kind for kind, _ in answer.frames] == [NOTE, RESULT] and answer.frames[0][1].endswith(note)


def notes_of(answer):
    return [text.decode().removeprefix("code-runner: ") for kind, notes in answer.frames if kind == NOTE for text in notes.splitlines()]


NOTES = [  # of what a script has left, for patterns: how many files come back, and what is said
    ("pass", ["*", "*.py"], 0, ["nothing matches '*'", "nothing matches '*.py'"]),
    ("os.mkdir('d')", ["*", "d/*"], 0, ["nothing matches '*'", "nothing matches 'd/*'"]),
    ("pass", ["script.py"], 0, ["'script.py' is left out: it is the script"]),
    ("os.symlink('/etc/passwd', 'l')", ["*"], 0, ["'l' is left out: it is not a plain file"]),
    ("os.mkfifo('p')", ["p"], 0, ["'p' is left out: it is not a plain file"]),
    ("os.makedirs('d/' * 15)\n open('d/' * 15 + 'f', 'w')", ["**/f"], 1, []),
    ("os.makedirs('d/' * 16)\n open('d/' * 16 + 'f', 'w')", ["**/f"], 0,
     ["nothing matches '**/f'", "not all folders were looked at: 15 deep at most"]),
    ("open('a', 'wb').write(bytes(10 << 20)); open('b', 'w').write('x')", ["*"], 1,
     ["'b' is left out: 1 bytes or more are too many (0 left of 10485760 for all files)"]),
]


@pytest.mark.parametrize("statement, patterns, files, notes", NOTES)
def test_what_does_not_come_back_is_noted(give, statement, patterns, files, notes):
    answer = give(f"import os\ndef main():\n {statement}", (RETURN, "\0".join(patterns).encode()))
    assert notes_of(answer) == notes
    assert sum(kind == RETURNED for kind, _ in answer.frames) == files


@pytest.mark.parametrize("kind", [READY, RESULT, 0, 7, 99])
def test_a_frame_that_is_no_input_ends_it(give, kind):
    answer = give("def main(): pass", (kind, b""))
    assert (answer.frames, answer.status) == ([], 70)


def test_an_end_within_files_is_told_from_an_end(start):
    harness = start()
    harness.receive()
    harness.channel.sendall(struct.pack("=II", SCRIPT, 1) + b"x" + struct.pack("=II", FILE, 1000) + b"a\0")
    harness.channel.shutdown(1)
    assert harness.process.wait(10) == 70


def load_returned():
    load = runpy.run_path(str(driver.HARNESS / "load.py"), run_name="load")
    sources = {name: (driver.HARNESS / f"{name}.py").read_text() for name in load["MODULES"]}
    names = [f"harness.{name}" for name in ("channel", "failures", "patterns", "returned")]
    return load["load"]([entry for entry in load["compiled"](sources) if entry[0] in names])


def test_patterns_are_those_of_fnmatch():
    matches, choose = load_returned().matches, random.Random(1).choice
    found = 0
    for _ in range(60_000):
        pattern = "".join(choose("ab*?[]!-c") for _ in range(choose(range(1, 8))))
        name = "".join(choose("ab-]![c") for _ in range(choose(range(1, 6))))
        if "[" in pattern and "-" in pattern:
            continue  # fnmatch reads ranges as re does, which differs in odd ones
        assert matches(pattern, name) == fnmatch.fnmatchcase(name, pattern), (pattern, name)
        found += matches(pattern, name)
    assert found > 1000
    assert matches("[a-c]x", "bx") and not matches("[a-c]x", "dx") and matches("[-a]", "-") and matches("[a-]", "-")
    assert not matches("*", ".a") and matches(".*", ".a") and not matches("?a", ".a")


def test_scanner_is_that_of_json(give):
    for text in ('[1e400, -0, 0.1, 12345678901234567890123, "\\ud800"]', '{"a": {"b": [null, true, false]}}'):
        script = f"import json\nTEXT = {text!r}\ndef main(*args, **named): return repr(list(args) or named) == repr(json.loads(TEXT))"
        assert give(script, (ARGS, text.encode())).result == "true"
    assert json.loads(give("def main(a): return a", (ARGS, b'["x"]')).result) == "x"
