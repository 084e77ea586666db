"""Files that a script leaves and a request wants back: patterns, what they match, and how many may come."""
import pytest

from support.returned import files_of, main, notes_of

TREE = main("for name in ('a.csv', 'b.csv', 'c.txt', '.hidden', 'out/d.csv', 'out/deep/e.csv', 'out/.f.csv', '[x].csv'):",
            "    os.makedirs(os.path.dirname(name) or '.', exist_ok=True)", "    open(name, 'w').write(name)")

PATTERNS = {  # patterns: names
    ("a.csv",): "a.csv",
    ("*.csv",): "[x].csv a.csv b.csv",
    ("?.csv",): "a.csv b.csv",
    ("[ab].csv",): "a.csv b.csv",
    ("[!a].csv",): "b.csv",
    ("[b-z].*",): "b.csv c.txt",
    ("[[]x].csv",): "[x].csv",
    ("*",): "[x].csv a.csv b.csv c.txt",
    (".*",): ".hidden",
    ("out/*",): "out/d.csv",
    ("*/*",): "out/d.csv",
    ("**",): "[x].csv a.csv b.csv c.txt out/d.csv out/deep/e.csv",
    ("**/*.csv",): "[x].csv a.csv b.csv out/d.csv out/deep/e.csv",
    ("out/**/e.csv",): "out/deep/e.csv",
    ("**/deep/*",): "out/deep/e.csv",
    ("out/**",): "out/d.csv out/deep/e.csv",
    ("a.csv", "*.csv", "a.*"): "[x].csv a.csv b.csv",
    ("*.py", "a.csv"): "a.csv",
}


@pytest.mark.parametrize("patterns", PATTERNS, ids=" ".join)
def test_patterns(service, patterns):
    names = PATTERNS[patterns].split()
    answer = service.execute(TREE, return_files=list(patterns))
    assert files_of(answer) == {name: name.encode() for name in names}
    assert notes_of(answer) == ["nothing matches '*.py'"] * ("*.py" in patterns), "the script itself never comes back"


def test_contents_are_bytes(service):
    answer = service.execute(main("open('a', 'wb').write(bytes(range(256)) * 999)", "open('empty', 'w')", "os.makedirs('ü')",
                                  "open('ü/€ \"q\"', 'w').write('x')"), return_files=["*", "ü/*"])
    assert files_of(answer) == {"a": bytes(range(256)) * 999, "empty": b"", 'ü/€ "q"': b"x"}


def test_inputs_come_back_too(service):
    answer = service.execute(main("open('in.txt', 'a').write('2')"), files={"in.txt": "MQ=="}, return_files=["in.txt"])
    assert files_of(answer) == {"in.txt": b"12"}


def test_nothing_asked_for_is_nothing_sent(service):
    script = main("open('a', 'w').write('x')")
    assert set(service.execute(script).json) == set(service.execute(script, return_files=[]).json) == {"result", "stdout"}


def test_what_does_not_match_is_said(service):
    answer = service.execute(main(), return_files=["a.csv", "out/*"])
    assert files_of(answer) == {}
    assert notes_of(answer) == ["nothing matches 'a.csv'", "nothing matches 'out/*'"]
    answer = service.execute(main("os.mkdir('out')"), return_files=["out"])
    assert (files_of(answer), notes_of(answer)) == ({}, ["'out' is left out: it is a directory"])


def test_an_error_has_no_files(service):
    answer = service.execute("def main():\n    open('a', 'w')\n    1 / 0\n", return_files=["a"])
    assert answer.outcome == "exception" and "files" not in answer.json


def test_a_hundred_files(service):
    answer = service.execute(main("for n in range(103): open(f'{n:03}', 'w')"), return_files=["*"])
    assert sorted(files_of(answer)) == [f"{n:03}" for n in range(100)]
    assert notes_of(answer) == ["3 more files are left out: 100 at most"]


@pytest.mark.parametrize("more, notes", [("os.mkdir('z')", []), ("os.symlink('000', 'z')", ["'z' is left out"]),
                                         ("open('z', 'w'); os.mkdir('zz')", ["1 more files are left out: 100 at most"])])
def test_only_what_would_have_come_back_is_counted(service, more, notes):
    answer = service.execute(main("for n in range(100): open(f'{n:03}', 'w')", more), return_files=["*"])
    assert len(files_of(answer)) == 100
    assert [note[:len(start)] for note, start in zip(notes_of(answer), notes)] == notes and len(notes_of(answer)) == len(notes), answer


def test_a_hundred_thousand_files(service):
    """As many as the scratch space takes; tests/harness has more."""
    script = main("for n in range(100_000):", "    try: os.close(os.open(f'{n}', os.O_CREAT))", "    except OSError: break", "print(n)")
    answer = service.execute(script, return_files=["*", "**/x"])
    if answer.outcome == "killed":  # where a watchdog counts them
        return
    assert len(files_of(answer)) == 100 and answer.seconds < 10
    assert notes_of(answer)[0] == f"{int(answer.json['stdout']) - 100} more files are left out: 100 at most"


def test_deep_folders(service):
    script = main("for n in range(200):", "    os.mkdir('d'); os.chdir('d'); open('x', 'w')")
    assert len(files_of(service.execute(script, return_files=["**/x"]))) == 15


def test_ten_megabytes_in_all(service):
    script = main("open('a', 'wb').write(bytes(6 << 20))", "open('b', 'wb').write(bytes(5 << 20))", "open('c', 'wb').write(bytes(4 << 20))")
    answer = service.execute(script, return_files=["*"])
    assert {name: len(data) for name, data in files_of(answer).items()} == {"a": 6 << 20, "c": 4 << 20}
    assert notes_of(answer) == ["'b' is left out: 5242880 bytes or more are too many (4194304 left of 10485760 for all files)"]


def test_notes_are_bounded(service):
    answer = service.execute(main("for n in range(90): os.symlink('x', 'l' + str(n) + 'é' * 100)"), return_files=["*"])
    notes = notes_of(answer)
    assert len(notes) == 21 and notes[-1] == "and 70 more notes like these"


def test_notes_follow_what_was_printed(service):
    answer = service.execute(main("import sys; sys.stderr.write('no end')"), return_files=["a"])
    assert answer.json["stderr"] == "no end\ncode-runner: nothing matches 'a'\n"
    answer = service.execute(main("os.close(2)"), return_files=["a"])
    assert answer.json["stderr"] == "code-runner: nothing matches 'a'\n"


REFUSED = [None, "a", {}, [1], [None], [["a"]], [""], ["/etc/passwd"], ["../a"], ["a/../../b"], ["a//b"], ["a\0"], ["x" * 600], ["a"] * 33]


@pytest.mark.parametrize("value", REFUSED, ids=str)
def test_bad_patterns(service, value):
    answer = service.execute(main(), return_files=value)
    assert (answer.status, answer.outcome) == (400, "invalid_request") and "'return_files'" in answer.json["error"], answer


@pytest.mark.parametrize("pattern", ["*" * 250, "*a" * 125, "[" * 250, "[!]", "[]", "[a-", "[]-a]", "**/" * 15 + "**"])
def test_odd_patterns_end_soon(service, pattern):
    answer = service.execute(main("for n in range(50): open('a' * 200 + str(n), 'w')"), return_files=[pattern])
    assert answer.status == 200 and answer.seconds < 20, answer
