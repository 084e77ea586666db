"""Libraries that a script does not write to sleep (docs/architecture.md), and no script can tell: what wakes one,
what must not keep it from waking, and that a SIGSEGV is still what it is."""
import pytest

from support import procs

pytestmark = [pytest.mark.mode_independent, pytest.mark.plain_memory]

ASLEEP = """
def asleep():
    '''Bytes of the image that are mapped as code: sleeping data, and code.'''
    count = 0
    for line in open('/proc/self/maps'):
        place, mode = line.split()[:2]
        assert mode != 'rwxp', line
        if 'zygote-image' in line and mode == 'r-xp':
            start, end = place.split('-')
            count += int(end, 16) - int(start, 16)
    return count
"""


def asleep(server, *lines, before=""):
    """What sleeps in a worker after these lines."""
    text = before + ASLEEP + "def main():\n" + "".join(f"    {line}\n" for line in lines) + "    return asleep()\n"
    answer = server.execute(text)
    assert answer.status == 200, answer
    return answer.json["result"]


def asleep_in_zygote(server):
    with open(f"/proc/{server.zygote_pid()}/maps", encoding="utf-8") as file:
        places = [line.split()[0].split("-") for line in file if "zygote-image" in line and line.split()[1] == "r-xp"]
    return sum(int(end, 16) - int(start, 16) for start, end in places)


WAKE_ALL = "faulthandler.enable(); faulthandler.disable()"


@pytest.fixture(scope="module")
def all_awake(service):
    return asleep(service, WAKE_ALL, before="import faulthandler\n")


def test_a_trivial_script_wakes_none(service, all_awake):
    expected = asleep_in_zygote(service)
    assert expected > all_awake + (2 << 20)
    for _ in range(6):  # from the pool, and not
        assert asleep(service) == expected
        assert asleep(service, "print(json.dumps({'a': [1, 2.5]}), random.random())", before="import json, random\n") == expected


def test_numpy_wakes_its_own(service, all_awake):
    none, some = asleep(service), asleep(service, "np.random.default_rng(1).normal(size=9).mean()", before="import numpy as np\n")
    assert none > some > all_awake + (none - all_awake) * 3 // 4


def test_pandas_wakes_more(service, all_awake):
    numpy, pandas = (asleep(service, line, before=f"import {name}\n") for name, line in (
        ("numpy", "numpy.arange(9).mean()"), ("pandas", "pandas.DataFrame({'k': [1, 1, 2]}).groupby('k').size().sum()")))
    assert numpy > pandas > all_awake


def test_far_fewer_mappings(service, no_snapshot):
    text = "def main():\n    return len(open('/proc/self/maps').readlines())\n"
    counts = [server.execute(text).json["result"] for server in (service, no_snapshot)]
    assert counts[0] * 2 < counts[1]


# ---- nothing keeps one from waking ----

USE = """
import faulthandler, ctypes, gc, math, os, pickle, resource, signal, subprocess, sys, threading, time
import numpy as np, pandas as pd
from scipy import optimize, stats
from sklearn.linear_model import LinearRegression

def use():
    x = np.random.default_rng(1).normal(size=(50, 2))
    f = pd.DataFrame({'k': np.arange(50) % 3, 'v': x[:, 0]})
    return [round(float(f.groupby('k').v.mean().sum()), 6), round(optimize.brentq(math.cos, 1, 2), 6),
            round(float(stats.norm.cdf(1.5)), 6), round(float(LinearRegression().fit(x, x @ [1.5, 2]).coef_.sum()), 6)]
"""
ALL = "[n for n in signal.valid_signals() if n not in (signal.SIGKILL, signal.SIGSTOP) and n < 32]"
SCRIPTS = {
    "nothing else": "return use()",
    "what handles it": "first = signal.getsignal(signal.SIGSEGV); return [repr(first), use(), repr(signal.getsignal(signal.SIGSEGV))]",
    "a handler of its own": "seen = []; old = signal.signal(signal.SIGSEGV, lambda n, f: seen.append(n)); os.kill(os.getpid(), signal.SIGSEGV); time.sleep(0); "
                            "return [repr(old), use(), seen]",
    "a handler put back": "signal.signal(signal.SIGSEGV, signal.signal(signal.SIGSEGV, signal.SIG_IGN)); return [use(), repr(signal.getsignal(signal.SIGSEGV))]",
    "all signals ignored": f"[signal.signal(n, signal.SIG_IGN) for n in {ALL}]; return use()",
    "all signals blocked": f"signal.pthread_sigmask(signal.SIG_BLOCK, {ALL}); return use()",
    "blocked in a thread": f"found = []; t = threading.Thread(target=lambda: (signal.pthread_sigmask(signal.SIG_SETMASK, {ALL}), found.append(use()))); "
                           "t.start(); t.join(); return [found, use()]",
    "its stacks": "faulthandler.enable(); result = use(); faulthandler.disable(); return [result, faulthandler.is_enabled()]",
    "its stacks later": "faulthandler.dump_traceback_later(60); result = use(); faulthandler.cancel_dump_traceback_later(); return result",
    "a bound on memory": "resource.setrlimit(resource.RLIMIT_DATA, (1 << 20, resource.RLIM_INFINITY)); return float(np.arange(9.0).sum())",
    "C calls it": "libc = ctypes.CDLL(None); libc.signal(signal.SIGSEGV, 1); return use()",
    "C calls it in libc": "libc = ctypes.CDLL('libc.so.6'); libc.signal(signal.SIGSEGV, 1); return use()",
    "threads": "found = []; ts = [threading.Thread(target=lambda: found.append(use())) for _ in range(8)]; [t.start() for t in ts]; [t.join() for t in ts]; return found",
    "a small stack": "threading.stack_size(256 << 10); found = []; t = threading.Thread(target=lambda: found.append(use())); t.start(); t.join(); return found",
    "a forked child": "r, w = os.pipe(); pid = os.fork(); (os.write(w, repr(use()).encode()), os._exit(0)) if pid == 0 else None; "
                      "return [os.waitpid(pid, 0)[1], os.read(r, 999).decode(), use()]",
    "a program": "return [subprocess.run([sys.executable, '-c', 'import signal; print(signal.getsignal(11))'], capture_output=True, text=True).stdout, use()]",
    "a program of a thread": "found = []; t = threading.Thread(target=lambda: found.append(subprocess.run(['true']).returncode)); t.start(); found.append(use()); "
                             "t.join(); return sorted(map(repr, found))",
    "a callback": "kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int)); v = (ctypes.c_int * 3)(3, 1, 2); "
                  "ctypes.CDLL(None).qsort(v, 3, 4, kind(lambda a, b: (use(), a[0] - b[0])[1])); return list(v)",
    "garbage": "gc.unfreeze(); gc.collect(); gc.collect(); return [use(), len(gc.get_objects()) > 1000, len([type(o).__name__ for o in gc.get_objects()]) > 1000]",
    "all types": "seen = set(); todo = [object]\n    while todo:\n        for c in type.__subclasses__(todo.pop()):\n            if c not in seen:\n"
                 "                seen.add(c); todo.append(c); c.__name__, c.__doc__, c.__mro__, hash(c)\n    return [len(seen) > 1000, use()]",
    "all modules": "count = 0\n    for m in list(sys.modules.values()):\n        for name, value in list(vars(m).items()):\n"
                   "            count += len(repr(type(value))) > 0; keep = [value]; del keep\n    return [count > 1000, use()]",
    "pickles": "f = pd.DataFrame({'a': np.arange(3), 'b': pd.to_datetime(['2024-01-01'] * 3)}); m = LinearRegression().fit([[0], [1]], [0, 1]); "
               "g, n = pickle.loads(pickle.dumps((f, m))); return [g.equals(f), round(float(n.predict([[2]])[0]), 6)]",
    "recursion": "def deep(n): return deep(n + 1)\n    try: deep(0)\n    except RecursionError as e: return [str(e), use()]",
    "a library that was not loaded": "import audioop, ossaudiodev; return [audioop.max(b'abc', 1), use()]",
    "all that came with it": "import scipy.signal, scipy.ndimage, scipy.interpolate, sklearn.cluster, sklearn.ensemble, seaborn, PIL.Image, lzma, bz2, sqlite3, uuid; "
                             "return [len(lzma.compress(b'a' * 99)) > 0, bz2.decompress(bz2.compress(b'x')).decode(), round(float(scipy.ndimage.gaussian_filter(np.eye(5), 1).sum()), 6), use()]",
}


def run(server, body):
    answer = server.execute(USE + "def main():\n    " + body + "\n")
    return answer.status, answer.json


@pytest.mark.parametrize("name", SCRIPTS)
def test_works_as_in_a_cold_worker(service, cold, name):
    expected = run(cold, SCRIPTS[name])
    assert expected[0] == 200 and not expected[1].get("stderr"), expected
    for _ in range(2):
        assert run(service, SCRIPTS[name]) == expected


# ---- and a mistake is one ----

MISTAKES = {
    "nothing is there": "ctypes.string_at(0)",
    "written to nothing": "ctypes.memset(8, 1, 1)",
    "sent": "os.kill(os.getpid(), signal.SIGSEGV); time.sleep(9)",
    "sent to a thread": "signal.pthread_kill(threading.get_ident(), signal.SIGSEGV); time.sleep(9)",
    "raised": "faulthandler._sigsegv()",
    "from a thread": "t = threading.Thread(target=ctypes.string_at, args=(0,)); t.start(); t.join()",
    "the stack overflows": "sys.setrecursionlimit(1 << 30)\n    x = None\n    for _ in range(1 << 20): x = (x,)\n    repr(x)",
    "written to code": "ctypes.memset(ctypes.cast(ctypes.pythonapi.Py_IncRef, ctypes.c_void_p).value, 1, 1)",
    "written to code that was copied": "place = [l for l in open('/proc/self/maps') if 'r-xp' in l and '.so' in l][0]; ctypes.memset(int(place.split('-')[0], 16), 1, 1)",
    "run what is data": "ctypes.CFUNCTYPE(None)(ctypes.addressof(ctypes.c_char.in_dll(ctypes.pythonapi, 'PyType_Type')))()",
    "in a child": "pid = os.fork(); ctypes.string_at(0) if pid == 0 else None; return os.waitpid(pid, 0)[1] & 127",
    "sent to a child": "pid = os.fork(); time.sleep(9) if pid == 0 else None; os.kill(pid, signal.SIGSEGV); return os.waitpid(pid, 0)[1] & 127",
}


@pytest.mark.parametrize("used", ["before", "after use"])
@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_ends_as_in_a_cold_worker(service, cold, name, used):
    body = ("use()\n    " if used == "after use" else "") + MISTAKES[name]
    expected = run(cold, body)
    assert "SIGSEGV" in expected[1].get("error", "") or expected[1].get("result") == 11, expected
    assert run(service, body) == expected


def test_the_zygote_has_not_been_touched(service):
    """After all these: it has one thread, and hardly memory of its own."""
    assert int(procs.status(service.zygote_pid())["RssAnon"].split()[0]) < 2000
