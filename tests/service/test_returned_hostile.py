"""Files that a request wants back are plain ones below the working directory, whatever the script has put in their place."""
import pytest

from support.returned import files_of, main, notes_of

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


@pytest.mark.parametrize("sabotage", [
    "import sys; sys.addaudithook(lambda name, args: 1 / 0 if name in ('open', 'os.scandir') else None)",
    "import builtins, posix\n    for n in ('open', 'read', 'scandir', 'fstat', 'close'): setattr(os, n, None); setattr(posix, n, None)",
    "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (4, 4))", "os.chdir('/')", "os.umask(0o777)", "import sys; sys.modules.clear()",
])
def test_sabotage_does_not_lose_the_result(service, sabotage):
    answer = service.execute(main("open('a', 'w').write('x')", sabotage), return_files=["a"])
    assert files_of(answer).keys() <= {"a"}, answer
    assert files_of(answer) or notes_of(answer)
