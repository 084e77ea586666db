"""Files that a script leaves and a request wants back. What lies there is hostile."""
import base64

import pytest

from support import procs


def main(*lines, before="import os\n"):
    return before + "def main():\n" + "".join(f"    {line}\n" for line in lines) + "    return 'kept'\n"


def files_of(answer):
    """name -> bytes; sizes fit."""
    assert answer.status == 200 and answer.json["result"] == "kept", answer
    found = {}
    for name, file in answer.json["files"].items():
        assert set(file) == {"data", "size"}
        found[name] = base64.b64decode(file["data"], validate=True)
        assert len(found[name]) == file["size"]
    return found


def notes_of(answer):
    lines = answer.json.get("stderr", "").splitlines()
    assert all(line.startswith("code-runner: ") for line in lines), answer
    return [line.removeprefix("code-runner: ") for line in lines]


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


LEFT_OUT = {
    "link": "os.symlink('/etc/passwd', 'a')",
    "link to its own": "open('b', 'w').write('x'); os.symlink('b', 'a')",
    "dangling link": "os.symlink('nowhere', 'a')",
    "link in a circle": "os.symlink('a', 'a')",
    "link to a device": "os.symlink('/dev/zero', 'a')",
    "fifo": "os.mkfifo('a')",
    "socket": "import socket; s = socket.socket(socket.AF_UNIX); s.bind('a')",
    "no rights": "open('a', 'w'); os.chmod('a', 0)",
    "control character": "open('a\\n', 'w')",
    "not UTF-8": "open(b'a\\xff', 'w')",
}


@pytest.mark.parametrize("name", LEFT_OUT)
def test_only_plain_files(service, name):
    answer = service.execute(main(LEFT_OUT[name]), return_files=["a*"])
    assert files_of(answer) == {}
    assert len(notes_of(answer)) == 1 and "is left out: " in notes_of(answer)[0], answer
    assert answer.seconds < 20


def test_a_folder_that_is_a_link_is_not_entered(service):
    answer = service.execute(main("os.symlink('/etc', 'out')", "os.mkdir('in')", "os.symlink('..', 'in/up')", "open('a', 'w')"),
                             return_files=["out/*", "**/passwd", "in/**/a"])
    assert files_of(answer) == {} and len(notes_of(answer)) == 3, answer


def test_the_working_directory_swapped_for_a_link(service):
    script = main("here = os.getcwd()", "try:", "    os.rename(here, here + '.old'); os.symlink('/etc', here)", "except OSError: os.chdir('/')")
    answer = service.execute(script, return_files=["passwd"])
    assert files_of(answer) == {} and notes_of(answer), answer


SWAPS = """
import os, threading
STOP = []
def swap():
    while True:
        os.symlink('/etc/passwd', 'new'); os.rename('new', 'a')
        open('new', 'w').write('plain'); os.rename('new', 'a')
        os.rename('d', 'e'); os.symlink('/etc', 'd'); os.remove('d'); os.rename('e', 'd')
def main():
    os.mkdir('d')
    open('d/passwd', 'w').write('plain')
    open('a', 'w').write('plain')
    if os.fork() == 0:
        swap()
    import time; time.sleep(0.01)
    return 'kept'
"""


def test_links_swapped_for_files_are_never_followed(service):
    seen = set()
    for _ in range(25):
        answer = service.execute(SWAPS, return_files=["a", "d/passwd"])
        for data in files_of(answer).values():
            seen.add(data)
    assert seen <= {b"plain", b""}, seen
    assert b"plain" in seen


def test_files_that_grow(service):
    script = """
import os
def main():
    if os.fork() == 0:
        file = open('a', 'ab', 0)
        while True:
            try: file.write(b'x' * 65536)
            except OSError: os.truncate('a', 0)
    import time; time.sleep(0.05)
    return 'kept'
"""
    answer = service.execute(script, return_files=["a"])
    assert files_of(answer).keys() <= {"a"} and answer.seconds < 10, answer


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


@pytest.mark.parametrize("sabotage", [
    "import sys; sys.addaudithook(lambda name, args: 1 / 0 if name in ('open', 'os.scandir') else None)",
    "import builtins, posix\n    for n in ('open', 'read', 'scandir', 'fstat', 'close'): setattr(os, n, None); setattr(posix, n, None)",
    "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (4, 4))", "os.chdir('/')", "os.umask(0o777)", "import sys; sys.modules.clear()",
])
def test_sabotage_does_not_lose_the_result(service, sabotage):
    answer = service.execute(main("open('a', 'w').write('x')", sabotage), return_files=["a"])
    assert files_of(answer).keys() <= {"a"}, answer
    assert files_of(answer) or notes_of(answer)


REFUSED = [None, "a", {}, [1], [None], [["a"]], [""], ["/etc/passwd"], ["../a"], ["a/../../b"], ["a//b"], ["a\0"], ["x" * 600], ["a"] * 33]


@pytest.mark.parametrize("value", REFUSED, ids=str)
def test_bad_patterns(service, value):
    answer = service.execute(main(), return_files=value)
    assert (answer.status, answer.outcome) == (400, "invalid_request") and "'return_files'" in answer.json["error"], answer


@pytest.mark.parametrize("pattern", ["*" * 250, "*a" * 125, "[" * 250, "[!]", "[]", "[a-", "[]-a]", "**/" * 15 + "**"])
def test_odd_patterns_end_soon(service, pattern):
    answer = service.execute(main("for n in range(50): open('a' * 200 + str(n), 'w')"), return_files=[pattern])
    assert answer.status == 200 and answer.seconds < 20, answer


# ---- forged ----

FORGE = """
import os, struct, time
def frame(kind, payload): return struct.pack('=II', kind, len(payload)) + payload
def main():
    for data in (FRAMES):
        os.write(3, data)
    time.sleep(0.2)
    return 1
"""
PNG = r"b'\x89PNG\r\n\x1a\n'"
FORGED = {  # frames: outcomes that may come of it
    "frame(22, b'../../etc/x\\0d')": {"exited"},
    "frame(22, b'/x\\0d')": {"exited"},
    "frame(22, b'x')": {"exited"},
    "frame(22, b'a\\0b'), frame(22, b'a\\0c')": {"exited"},
    "frame(22, b'\\xff\\0b')": {"exited"},
    "frame(21, b'<svg>')": {"exited"},
    f"(frame(21, {PNG}) for n in range(21))": {"exited"},
    "(frame(22, b'%d\\0' % n) for n in range(101))": {"exited"},
    "(frame(23, b'') for n in range(100_000))": {"exited"},
    "frame(23, b'a'), frame(23, b'b')": {"exited"},
    "frame(23, bytes(20_000))": {"exited"},
    "frame(5, b'a\\0b')": {"exited"},
    "struct.pack('=II', 22, 0xffffffff),": {"output"},
    "struct.pack('=II', 21, 11 << 20),": {"output"},
    f"frame(21, {PNG} + bytes(6 << 20)), frame(21, {PNG} + bytes(6 << 20))": {"output"},
    "frame(23, b'forged \\xff\\n'), frame(22, b'b/c\\0forged'), frame(18, b'2')": {"success"},
}


@pytest.mark.parametrize("frames", FORGED)
def test_forged_frames(service, frames):
    frames = frames if frames.endswith(",") or frames.startswith("(") else frames + ","
    answer = service.execute(FORGE.replace("FRAMES", frames), return_files=["nothing"])
    assert answer.outcome in FORGED.get(frames, FORGED.get(frames[:-1])), answer
    if answer.outcome == "success":
        assert answer.json["files"] == {"b/c": {"data": "Zm9yZ2Vk", "size": 6}} and answer.json["stderr"] == "forged \ufffd\n"
    assert service.execute("def main(): return 1").body == b'{"result": 1, "stdout": ""}'


def test_files_that_were_not_asked_for(service):
    answer = service.execute(FORGE.replace("FRAMES", "frame(22, b'a\\0b'),"))
    assert answer.outcome == "exited", answer


@pytest.mark.plain_memory
def test_many_large_requests_at_once(start_server):
    """Some may be told to come again; the server's memory stays in bounds, and short ones go through."""
    import concurrent.futures

    from support.client import Client
    server = start_server("--slots=2", "--queue=64", "--queue-wait-seconds=60")
    data = base64.b64encode(bytes(10 << 20)).decode()
    script = "import os\ndef main(): return os.path.getsize('a')\n"

    def large(_):
        return Client(server.port).execute(script, files={"a": data}, stdin="x" * (5 << 20), return_files=["a"])

    def peak_mb():
        text = open(f"/proc/{server.server_pid()}/status").read()
        return int(text.split("VmHWM:")[1].split()[0]) / 1024

    with concurrent.futures.ThreadPoolExecutor(20) as threads:
        running = [threads.submit(large, n) for n in range(20)]
        small = [server.execute("def main(): return 1").status for _ in range(10)]
        answers = [each.result() for each in running]
    assert {answer.status for answer in answers} <= {200, 503}
    assert all(answer.headers["Retry-After"] for answer in answers if answer.status == 503)
    assert any(answer.status == 200 and answer.json["result"] == 10 << 20 for answer in answers)
    assert set(small) == {200}
    print(sorted(answer.status for answer in answers), peak_mb())
    assert peak_mb() < 350
    procs.poll(lambda: server.execute(script, files={"a": "QQ=="}).status == 200, 5, "requests go through again")
