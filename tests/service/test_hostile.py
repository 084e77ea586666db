"""Scripts that attack the harness around them. Each gets a verdict on the script, soon, and the next
request is clean; none may be blamed on the service."""
import threading

import pytest

from support.client import Client

KNOWN = {"success", "exception", "exited", "killed", "bad_result", "memory", "output", "timeout"}
FRAMES = """
import os, stat, struct
RESULT, ERROR, READY, FAILED = 18, 19, 16, 17
def frame(kind, payload, size=None):
    return struct.pack("=II", kind, len(payload) if size is None else size) + payload
def forge(*frames):
    "Writes to every socket that there is; returns how many."
    count = 0
    for fd in range(3, 256):
        try:
            if stat.S_ISSOCK(os.fstat(fd).st_mode):
                os.write(fd, b"".join(frames))
                count += 1
        except OSError:
            pass
    print(count)
    return count
"""


def script(*lines, before=""):
    return before + "def main():\n" + "".join(f"    {line}\n" for line in lines)


# name: script, outcomes that the contract allows
HOSTILE = {
    "closes every descriptor": (script("import os", "os.closerange(0, 4096)", "return 1"), {"exited", "exception", "killed"}),
    "closes the standard ones": (script("import os", "[os.close(fd) for fd in (0, 1, 2)]", "return 1"), {"success"}),
    "replaces json.dumps": (script("import json", "json.dumps = lambda *a, **k: '}{'", "return 1"), {"success", "bad_result"}),
    "replaces the encoder": (script("import json", "json.JSONEncoder.default = lambda *a: 1", "json.JSONEncoder.encode = lambda *a: 'x'",
                                    "json.encoder.c_make_encoder = None", "return 1"), {"success", "bad_result"}),
    "replaces print": (script("import builtins", "builtins.print = None", "return 1"), {"success"}),
    "replaces sys.exit": (script("import sys, os", "sys.exit = lambda *a: None", "os._exit = lambda *a: None", "return 1"), {"success"}),
    "replaces os.write": (script("import os, socket", "os.write = os.read = lambda *a: 0", "socket.socket = None", "return 1"), {"success"}),
    "replaces sys.stdout": (script("import sys", "sys.stdout = sys.stderr = sys.__stdout__ = None", "return 1"), {"success"}),
    "clears sys.modules": (script("import sys", "sys.modules.clear()", "return 1"), {"success"}),
    "empties builtins": (script("import builtins", "[setattr(builtins, n, None) for n in dir(builtins) if n not in ('setattr', 'None')]",
                                "return 1"), {"success", "exception", "bad_result", "exited"}),
    "empties the harness": (script("import sys", "for f in [sys._getframe(1)]: f.f_globals.clear()", "return 1"),
                            {"success", "exception", "bad_result", "exited"}),
    "profile function": (script("import sys", "def p(*a): raise ValueError('in profile')", "sys.setprofile(p)", "return 1"),
                         {"success", "exception", "exited"}),
    "__str__ raises": (script("class E(Exception):", "    def __str__(self): raise ValueError('no')", "raise E()"), {"exception"}),
    "__str__ is not text": (script("class E(Exception):", "    def __str__(self): return 3", "raise E()"), {"exception"}),
    "__str__ exits": (script("import sys", "class E(Exception):", "    def __str__(self): sys.exit(3)", "raise E()"), {"exception", "exited"}),
    "name is hostile": (script("class M(type):", "    def __getattribute__(self, n): raise ValueError(n)", "class E(Exception, metaclass=M): pass",
                               "raise E()"), {"exception"}),
    "cause in a circle": (script("a, b = ValueError(1), ValueError(2)", "a.__cause__, b.__cause__ = b, a", "raise a"), {"exception"}),
    "10,000 causes": (script("e = None", "for i in range(10000):", "    n = ValueError(i); n.__cause__ = e; e = n", "raise e"), {"exception"}),
    "recursion": (script("return main()"), {"exception"}),
    "recursion limit lifted": (script("import sys", "sys.setrecursionlimit(10**9)", "return main()"), {"memory", "timeout"}),
    "recursion in C": (script("import sys", "sys.setrecursionlimit(10**9)", "def f(_): return [0].sort(key=f)", "return f(0)"), {"killed"}),
    "recursion limit of 1": (script("import sys", "sys.setrecursionlimit(5)", "return [[1]]"), {"success", "exception", "bad_result"}),
    "100,000-deep list": (script("a = []", "for _ in range(100000): a = [a]", "return a"), {"bad_result"}),
    "deep list, limit lifted": (script("import sys", "sys.setrecursionlimit(10**9)", "a = []", "for _ in range(100000): a = [a]", "return a"),
                                {"bad_result", "killed"}),
    "2,000-deep list, limit lifted": (script("import sys", "sys.setrecursionlimit(10**6)", "a = []", "for _ in range(2000): a = [a]", "return a"),
                                      {"bad_result"}),
    "dict that changes": (script("class D(dict):", "    def items(self): raise KeyError('x')", "return D(a=1)"), {"success", "bad_result", "exception"}),
    "lone surrogate": (script("return '\\\\ud800'", "x = '\\ud800'"), {"success"}),
    "int subclass that lies": (script("class I(int):", "    def __repr__(self): return '}'", "return I(3)"), {"success", "bad_result"}),
    "float subclass that lies": (script("class F(float):", "    def __repr__(self): return '1, 2'", "return F(3)"), {"success", "bad_result"}),
    "str subclass": (script("class S(str):", "    def __str__(self): return '\"'", "return S('x')"), {"success"}),
    "thread that raises": (script("import threading", "t = threading.Thread(target=lambda: 1/0); t.start(); t.join()", "return 1"), {"success"}),
    "atexit": (script("import atexit, time", "atexit.register(time.sleep, 60)", "return 1"), {"success"}),
    "__del__ at the end": ("class A:\n    def __del__(self):\n        import time; time.sleep(60)\nx = A()\n" + script("return 1"), {"success"}),
    "excepthook": (script("import sys, time", "sys.excepthook = sys.unraisablehook = lambda *a: time.sleep(60)", "raise ValueError(1)"), {"exception"}),
    "SIGTERM handler": (script("import os, signal", "signal.signal(15, signal.SIG_IGN)", "os.kill(os.getpid(), 15)", "return 1"), {"success"}),
    "stops itself": (script("import os", "os.kill(os.getpid(), 19)", "return 1"), {"timeout"}),
    "kills its init": (script("import os", "os.kill(1, 9)", "return 1"), {"success", "exception", "killed"}),
    "forks and both return": (script("import os", "os.fork()", "return 1"), {"success"}),
    "child gone on in the harness": (script("import os", "if os.fork(): os._exit(5)", "import time; time.sleep(0.2)", "return 'from the child'"),
                                     {"exited", "success"}),
    "execs another program": (script("import os", "os.execvp('echo', ['echo', 'replaced'])"), {"exited"}),
    "result twice": (FRAMES + script("forge(frame(RESULT, b'42'), frame(RESULT, b'43'))", "return 1"), {"success", "exception"}),
    "huge result": (FRAMES + script("forge(frame(RESULT, b'', 0xffffffff))", "return 1"), {"output", "bad_result", "exited", "killed", "success"}),
    "setup failed": (FRAMES + script("forge(frame(FAILED, struct.pack('=Ii', 7, 1)))", "return 1"), KNOWN - {"timeout"}),
    "ready again": (FRAMES + script("forge(frame(READY, b''))", "return 1"), KNOWN - {"timeout"}),
    "unknown frame": (FRAMES + script("forge(frame(99, b'x'))", "return 1"), KNOWN - {"timeout"}),
    "server's frame": (FRAMES + script("forge(frame(2, b''))", "return 1"), KNOWN - {"timeout"}),
    "error says internal": (FRAMES + script("forge(frame(ERROR, b'internal\\0m\\0'))", "return 1"), KNOWN - {"success", "timeout"}),
    "error without parts": (FRAMES + script("forge(frame(ERROR, b'exception'))", "return 1"), KNOWN - {"success", "timeout"}),
    "error not UTF-8": (FRAMES + script("forge(frame(ERROR, b'exception\\0\\xff\\xfe\\0\\xff'))", "return 1"), {"exception"}),
    "error of a megabyte": (FRAMES + script("forge(frame(ERROR, b'exception\\0' + b'm' * 1000000 + b'\\0'))", "return 1"),
                            KNOWN - {"success", "timeout"}),
    "result is no JSON": (FRAMES + script("forge(frame(RESULT, b'1, \"stdout\": \"forged\"'))", "return 1"), {"bad_result"}),
    "result with a bad end": (FRAMES + script("forge(frame(RESULT, b'{}} '))", "return 1"), {"bad_result"}),
    "result not UTF-8": (FRAMES + script("forge(frame(RESULT, b'\"\\xff\"'))", "return 1"), {"bad_result"}),
    "empty result": (FRAMES + script("forge(frame(RESULT, b''))", "return 1"), {"bad_result"}),
    "half a frame, then exit": (FRAMES + script("forge(frame(RESULT, b'1234', 100))", "os._exit(0)"), {"exited", "bad_result", "killed"}),
    "half a frame, then nothing": (FRAMES + script("forge(frame(RESULT, b'1234', 100))", "import time; time.sleep(60)"), {"timeout"}),
    "half a header, then nothing": (FRAMES + script("forge(b'\\x12')", "import time; time.sleep(60)"), {"timeout"}),
    "garbage of a megabyte": (FRAMES + script("import threading", "threading.Thread(target=forge, args=(b'\\xff' * 1000000,), daemon=True).start()",
                                              "import time; time.sleep(0.3)", "return 1"), KNOWN),
}


@pytest.fixture(scope="module")
def tough(start_server):
    """One script at a time, so that the request after a hostile one follows on its slot."""
    return start_server("--slots=1", "--timeout-seconds=20")  # less than the sleeps, more than a slow machine takes for the others


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile(tough, name):
    text, outcomes = HOSTILE[name]
    answer = tough.execute(text, timeout_seconds=2 if "timeout" in outcomes else 20)
    assert answer.status == (200 if answer.outcome == "success" else 400), answer
    assert answer.outcome in outcomes, answer
    assert answer.seconds < 15, answer.seconds
    answer = tough.execute(script("print('clean')", "return 1"))
    assert (answer.status, answer.json) == (200, {"result": 1, "stdout": "clean\n"}), answer


def test_only_its_own_result_can_be_forged(tough):
    """Also the control of the rows above: a forged frame really reaches the server."""
    answer = tough.execute(FRAMES + script("assert forge(frame(RESULT, b'42'), frame(RESULT, b'43')) == 1", "return 1"))
    assert (answer.status, answer.json["result"]) == (200, 42), answer


def test_stdout_of_a_forged_error_is_still_there(tough):
    answer = tough.execute(FRAMES + script("print('before')", "forge(frame(ERROR, b'exception\\0forged\\0'))",
                                           "import time; time.sleep(60)"))
    assert (answer.status, answer.outcome, answer.json["error"]) == (400, "exception", "forged"), answer
    assert answer.json["stdout"].startswith("before\n")


def test_health_during_an_attack(tough):
    """The server's only thread never waits for a script."""
    flood = FRAMES + script("import sys", "while True: forge(b'\\xff' * 65536); sys.stdout.write('x' * 65536)")
    slowest = []
    while len(slowest) < 8 and min(slowest, default=1) >= 0.5:  # a server that waits for a script does so each time
        client = Client(tough.port)
        thread = threading.Thread(target=client.execute, args=(flood,), kwargs={"timeout_seconds": 2})
        thread.start()
        slowest.append(max(tough.client.get("/health").seconds for _ in range(50)))
        thread.join()
        client.close()
    assert min(slowest) < 0.5, slowest
