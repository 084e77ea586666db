"""Scripts that break what they can reach, and libraries that look closely at the module: each gets
its answer all the same, and soon."""

import signal

import pytest

pytestmark = pytest.mark.mode_independent

SOON = 15  # seconds; what is left behind, and must not be waited for, stays for 60

SETS_TRAPS = """
def main():
    {body}
    return 'whole'
"""

# Done by main() before it returns; the result arrives all the same.
HARMLESS = {
    "replaces builtins": "import builtins\n    put = setattr\n    for n in list(vars(builtins)): put(builtins, n, None)",
    "deletes builtins": "import builtins\n    vars(builtins).clear()",
    "clears sys.modules": "import sys; sys.modules.clear()",
    "replaces json": "import json, _json; json.dumps = _json.make_encoder = _json.encode_basestring_ascii = None",
    "replaces posix": "import os, posix\n    for m in (os, posix):\n        for n in ('write', '_exit', 'getpid', 'set_blocking', 'read'): setattr(m, n, None)",
    "replaces sys": "import sys\n    for n in ('exit', 'settrace', 'setrecursionlimit', 'stdout', 'stderr', '__stdout__', '__stderr__', 'stdin', 'path', 'flags'): setattr(sys, n, None)",
    "deletes stdout": "import sys; del sys.stdout, sys.stderr",
    "closes stdout": "import sys; sys.stdout.close(); sys.stderr.close(); sys.stdin.close()",
    "detaches stdout": "import sys; sys.stdout.detach(); sys.stderr.detach()",
    "closes 0, 1, 2": "import os; os.closerange(0, 3)",
    "stdout whose flush exits": "import sys\n    class S:\n        def flush(s): sys.exit(3)\n    sys.stdout = sys.stderr = S()",
    "stdout whose attributes raise": "import sys\n    class S:\n        def __getattribute__(s, n): raise KeyboardInterrupt\n    sys.stdout = S()",
    "low recursion limit": "import sys\n    for i in range(50, 0, -1):\n        try: sys.setrecursionlimit(i)\n        except RecursionError: break",
    "high recursion limit": "import sys; sys.setrecursionlimit(1 << 30)",
    "trace function": "import sys\n    def t(*a): sys.exit(5)\n    sys.settrace(t)",
    "closed gc": "import gc; gc.disable(); gc.set_threshold(0)",
    "unraisable hook": "import sys; sys.unraisablehook = sys.excepthook = lambda *a: sys.exit(9)",
    "ignores signals": "import signal\n    for n in signal.valid_signals() - {9, 19}: signal.signal(n, signal.SIG_IGN)",
    "timer that raises": "import signal\n    def h(*a): raise ValueError\n    signal.signal(signal.SIGALRM, h); signal.setitimer(signal.ITIMER_REAL, 15, 0.00005)",
    "timer with default action": "import signal; signal.setitimer(signal.ITIMER_REAL, 15)",
    "non-blocking channel": "import os\n    for n in range(4): os.set_blocking(n, False)",
    "thread that never ends": "import threading, time; threading.Thread(target=time.sleep, args=(60,)).start()",
    "thread that spins": "import _thread\n    def spin():\n        while 1: pass\n    _thread.start_new_thread(spin, ())",
    "atexit that sleeps": "import atexit, time; atexit.register(time.sleep, 60)",
    "threading._shutdown": "import threading, time; threading._register_atexit(time.sleep, 60)",
    "child that stays": "import subprocess; subprocess.Popen(['sleep', '60'])",
    "object whose __del__ exits": "import sys\n    class D:\n        def __del__(s): sys.exit(3)\n    d = D()",
    "chdir away": "import os; os.chdir('/'); os.remove(__file__)",
    "umask and environ": "import os; os.umask(0o777); os.environ.clear()",
    "switch interval": "import sys; sys.setswitchinterval(1000)",
    "replaces its module": "import sys; sys.modules['script'] = None; del sys.modules['__main__']",
    "int limit": "import sys; sys.set_int_max_str_digits(640)",
    "audit hook": "import sys\n    def h(*a): pass\n    sys.addaudithook(h)",
    "standard streams at other files": "import os\n    f = os.open('/dev/null', 1)\n    os.dup2(f, 1); os.dup2(f, 2)",
}


@pytest.mark.parametrize("name", HARMLESS)
def test_abuse_before_a_result(run, name):
    answer = run(SETS_TRAPS.format(body=HARMLESS[name]))
    assert answer.result == '"whole"'
    assert answer.seconds < SOON


RAISES = [name for name in HARMLESS if name != "switch interval"]


@pytest.mark.parametrize("name", RAISES)
def test_abuse_before_an_exception(run, name):
    script = "class Mine(Exception): pass\n" + SETS_TRAPS.format(body=HARMLESS[name] + "\n    raise Mine")
    answer = run(script)
    assert answer.error[:2] == ("exception", "Mine")
    assert answer.seconds < SOON


def test_profile_function_that_exits_is_an_exit(run):
    script = """
import sys
def profile(*_): sys.exit(5)
def main(): sys.setprofile(profile)
"""
    assert run(script).error[:2] == ("exited", "Script called sys.exit(5) before main() returned")


def test_timers_are_off_before_the_encoding(run):
    script = """
import signal
class Late(dict):
    def items(self): return [('left', signal.getitimer(signal.ITIMER_REAL))]
def main():
    signal.setitimer(signal.ITIMER_REAL, 60, 60)
    return Late(a=1)
"""
    assert run(script).result == '{"left": [0.0, 0.0]}'


def test_timer_that_raises_into_the_encoding(run):
    script = """
import signal
class Interrupt(BaseException): pass
def handler(*_): raise Interrupt
class Slow(dict):
    def items(self):
        signal.signal(signal.SIGALRM, handler)  # those that were there before are ignored by now
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
        return [('k', list(range(300_000)))]
def main(): return Slow(a=1)
"""
    answer = run(script)
    # The encoder is one C call: it ends before the handler gets to run, or is refused by it.
    assert answer.frames and (answer.frames[0][0] == 18 or answer.error[0] in ("bad_result", "exception"))


# No answer can come; the process ends at once and says so by its status.
SILENT = {
    "closes every descriptor": ("import os; os.closerange(0, 65536)", 1),
    "os._exit": ("import os; os._exit(0)", 0),
    "abort": ("import os; os.abort()", -signal.SIGABRT),
    "kill": ("import os; os.kill(os.getpid(), 9)", -signal.SIGKILL),
    "segfault": ("import ctypes; ctypes.string_at(0)", -signal.SIGSEGV),
    "exec": ("import os; os.execv('/bin/true', ['true'])", 0),
}


@pytest.mark.parametrize("name", SILENT)
def test_the_process_ends_without_an_answer(run, name):
    body, status = SILENT[name]
    answer = run(SETS_TRAPS.format(body=body))
    assert (answer.frames, answer.status) == ([], status)


def test_a_fork_that_returns_does_not_answer(run):
    script = """
import os, sys
def main():
    codes = []
    for way in (lambda: None, lambda: 1 / 0, lambda: sys.exit(7)):
        child = os.fork()
        if child == 0:
            way()
            return 'child'
        codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    return codes
"""
    answer = run(script)
    assert answer.result == "[0, 1, 7]"
    assert b"ZeroDivisionError: division by zero" in answer.stderr


# ---- what is printed ----


def test_prints_in_order_and_all_of_it(run):
    script = r"""
import ctypes, os, subprocess, sys
libc = ctypes.CDLL(None)
def main():
    print('print')
    libc.printf(b'printf\n')
    os.write(1, b'write\n')
    subprocess.run(['echo', 'child'])
    print('surrogate \ud800')
    print('no end', end='')
    sys.stdout.flush()
    libc.printf(b' of C')
    print('to stderr \ud800', file=sys.stderr)
"""
    answer = run(script)
    assert answer.result == "null"
    assert answer.stdout == b"print\nprintf\nwrite\nchild\nsurrogate \\ud800\nno end of C"
    assert answer.stderr == b"to stderr \\ud800\n"


@pytest.mark.parametrize("wrap", [
    "sys.stdout = io.TextIOWrapper(sys.stdout.detach(), 'utf-8')",
    "sys.stdout = codecs.getwriter('utf-8')(sys.stdout.buffer)",
    "sys.stdout = io.TextIOWrapper(sys.stdout.buffer)",
    "sys.stdout = open(1, 'w')",
    "pass",
])
def test_what_stands_in_a_buffer_is_printed(run, wrap):
    script = f"import codecs, io, sys\ndef main():\n    {wrap}\n    print('text', end='')"
    answer = run(script)
    assert (answer.result, answer.stdout) == ("null", b"text")


def test_output_is_flushed_before_the_answer_even_without_blocking(run):
    script = """
import os, sys
def main():
    sys.stdout.buffer.write(b'x' * 8000)
    os.set_blocking(1, False)
    sys.stdout.buffer.flush
"""
    assert run(script).stdout == b"x" * 8000


# ---- what libraries see ----


def test_the_module(run):
    script = """
import dataclasses, inspect, os, pickle, sys, threading
@dataclasses.dataclass
class Point:
    x: int
def main():
    here = os.getcwd()
    assert __name__ == 'script' and __file__ == here + '/script.py' == __spec__.origin
    assert sys.modules['script'].main is main and __spec__.name == 'script' and __loader__ is __spec__.loader
    assert sys.argv == ['script.py'] and sys.path[0] == here and sys.stdin.read() == ''
    assert inspect.getsource(main).startswith('def main():') and inspect.getmodule(main).__name__ == 'script'
    assert pickle.loads(pickle.dumps(Point(3))) == Point(3) and Point.__module__ == 'script'
    assert set(vars(sys.modules['__main__'])) == {'__name__', '__doc__', '__package__', '__loader__', '__spec__', '__builtins__'}
    assert __builtins__ is __import__('builtins')
    assert 'CODE_RUNNER_OUTPUT_BYTES' not in os.environ
    assert threading.current_thread() is threading.main_thread()
    assert os.stat(3) and not os.get_inheritable(3)
    return oct(os.stat('script.py').st_mode & 0o777), sorted(os.listdir())
if __name__ == '__main__': raise SystemExit('guard')
"""
    assert run(script, CODE_RUNNER_OUTPUT_BYTES="9999").result == '["0o600", ["script.py"]]'


PROCESSES = """
import concurrent.futures, multiprocessing, pickle, subprocess, sys
class Item:
    def __init__(self, n): self.n = n
def double(item): return item.n * 2
def main():
    out = []
    for method in {methods}:
        with multiprocessing.get_context(method).Pool(2) as pool:
            out.append(pool.map(double, [Item(1), Item(2)]))
    with concurrent.futures.ProcessPoolExecutor(1) as pool:
        out.append(pool.submit(double, Item(5)).result())
    code = 'import sys, pickle; print(pickle.load(sys.stdin.buffer).n)'
    out.append(subprocess.run([sys.executable, '-c', code], input=pickle.dumps(Item(7)), capture_output=True).stdout.decode())
    return out
"""


@pytest.mark.parametrize("methods", ["['fork']", "['spawn']", "['forkserver']"])
def test_multiprocessing_and_subprocess(run, methods):
    answer = run(PROCESSES.format(methods=methods))
    assert answer.result == '[[2, 4], 10, "7\\n"]'
    assert answer.stderr == b""


def test_asyncio_leaves_nothing_to_wait_for(run):
    script = """
import asyncio, time
async def main():
    asyncio.create_task(asyncio.sleep(60))
    asyncio.get_running_loop().run_in_executor(None, time.sleep, 60)
    await asyncio.sleep(0.01)
    print('done')
    return await asyncio.to_thread(lambda: 5)
"""
    answer = run(script)
    assert (answer.result, answer.stdout) == ("5", b"done\n")
    assert answer.seconds < SOON and answer.status == 0


def test_asyncio_run_in_main(run):
    assert run("import asyncio\nasync def f(): return 4\ndef main(): return asyncio.run(f())").result == "4"
