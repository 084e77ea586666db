"""What must work in a fork of a loaded interpreter, and could break there: processes, threads, signals, libraries.
Each row gives with cold workers, and with warm ones, what it says."""
import pytest

from support.modes import results

pytestmark = [pytest.mark.mode_independent, pytest.mark.plain_memory]  # starts the modes it needs


def script(*lines, before=""):
    return before + "def main():\n" + "".join(f"    {line}\n" for line in lines)


WORKS = {  # name: script, result
    "processes by fork": ("import multiprocessing as m, os\ndef f(x):\n    import numpy as np\n    return [x * x, os.getpid(), float(np.random.rand())]\n" + script(
        "with m.Pool(2) as pool:", "    found = pool.map(f, range(8), chunksize=1)", "return [[row[0] for row in found], os.getpid() in {row[1] for row in found}]"), [[x * x for x in range(8)], False]),
    "processes by spawn": ("import multiprocessing as m\ndef f(x):\n    import numpy as np\n    return int(np.arange(x).sum())\n" + script(
        "with m.get_context('spawn').Pool(1) as pool:", "    return pool.map(f, range(4))"), [0, 0, 1, 3]),
    "processes by forkserver": ("import multiprocessing as m\ndef f(x):\n    return x + 1\n" + script(
        "with m.get_context('forkserver').Pool(1) as pool:", "    return pool.map(f, range(3))"), [1, 2, 3]),
    "another python": (script("code = 'import sys, numpy; print(sys.flags.utf8_mode, numpy.arange(4).sum(), end=str())'",
                              "return subprocess.check_output([sys.executable, '-X', 'utf8', '-c', code], text=True)", before="import subprocess, sys\n"), "1 6"),
    "threads": (script("lock, found = threading.Lock(), []", "def work(i):", "    a = np.linalg.inv(np.eye(50) * (i + 1))", "    with lock: found.append(round(float(a[0, 0] * (i + 1)), 6))",
                       "threads = [threading.Thread(target=work, args=(i,)) for i in range(16)]", "[t.start() for t in threads]; [t.join() for t in threads]",
                       "return [sum(found), threading.active_count()]", before="import threading\nimport numpy as np\n"), [16, 1]),
    "threads' numbers": (script("seen = []", "t = threading.Thread(target=lambda: seen.extend([threading.get_native_id(), threading.current_thread().native_id])); t.start(); t.join()",
                                "tid = ctypes.CDLL(None).gettid()", "return [seen[0] == seen[1] != tid, tid == threading.get_native_id() == os.getpid()]",
                                before="import ctypes, os, threading\n"), [True, True]),
    "a thread with a large stack": (script("threading.stack_size(64 << 20)", "found = []", "def deep(n):", "    return 0 if n == 0 else 1 + deep(n - 1)", "sys.setrecursionlimit(30000)",
                                           "t = threading.Thread(target=lambda: found.append(deep(20000))); t.start(); t.join()", "return found[0]", before="import sys, threading\n"), 20000),
    "a signal to a thread": (script("seen = []", "signal.signal(signal.SIGUSR1, lambda n, f: seen.append(n))", "signal.pthread_kill(threading.main_thread().ident, signal.SIGUSR1)", "time.sleep(0.01)",
                                    "return seen == [signal.SIGUSR1]", before="import signal, threading, time\n"), True),
    "an error-checking mutex": (script("libc = ctypes.CDLL(None)", "kind = ctypes.create_string_buffer(64); mutex = ctypes.create_string_buffer(64)",
                                       "libc.pthread_mutexattr_init(kind); libc.pthread_mutexattr_settype(kind, 2); libc.pthread_mutexattr_setrobust(kind, 1)", "libc.pthread_mutex_init(mutex, kind)",
                                       "return [libc.pthread_mutex_lock(mutex), libc.pthread_mutex_lock(mutex), libc.pthread_mutex_unlock(mutex)]", before="import ctypes\n"), [0, 35, 0]),
    "a robust mutex of a dead thread": (script("libc = ctypes.CDLL(None)", "kind = ctypes.create_string_buffer(64); mutex = ctypes.create_string_buffer(64)",
                                               "libc.pthread_mutexattr_init(kind); libc.pthread_mutexattr_setrobust(kind, 1)", "libc.pthread_mutex_init(mutex, kind)",
                                               "t = threading.Thread(target=libc.pthread_mutex_lock, args=(mutex,)); t.start(); t.join()",
                                               "while os.listdir('/proc/self/task') != [str(os.getpid())]: pass", "return libc.pthread_mutex_trylock(mutex)",
                                               before="import ctypes, os, threading\n"), 130),
    "ctypes callback": (script("kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))", "values = (ctypes.c_int * 5)(5, 1, 4, 2, 3)",
                               "ctypes.CDLL(None).qsort(values, 5, 4, kind(lambda a, b: a[0] - b[0]))", "return list(values)", before="import ctypes\n"), [1, 2, 3, 4, 5]),
    "garbage": (script("class Node: pass", "a, b = Node(), Node(); a.other, b.other = b, a", "seen = weakref.ref(a); del a, b", "gc.collect()", "return [seen() is None, gc.isenabled()]",
                       before="import gc, weakref\n"), [True, True]),
    "what the zygote loaded can be thrown away": (script("gc.unfreeze()", "for name in [n for n in sys.modules if n.partition('.')[0] in ('pandas', 'seaborn', 'sklearn', 'requests', 'PIL')]:",
                                                         "    vars(sys.modules.pop(name)).clear()", "gc.collect(); gc.collect(); ctypes.CDLL(None).malloc_trim(0)", "return len(bytearray(1 << 20))",
                                                         before="import ctypes, gc, sys\n"), 1 << 20),
    "sqlite3": (script("db = sqlite3.connect('data.db'); memory = sqlite3.connect(':memory:')", "for d in (db, memory):", "    d.execute('create table t (x)'); d.executemany('insert into t values (?)', [(i,) for i in range(100)]); d.commit()",
                       "return [d.execute('select sum(x) from t').fetchone()[0] for d in (db, memory)]", before="import sqlite3\n"), [4950, 4950]),
    "KMeans, which starts OpenMP": (script("x = np.vstack([np.random.rand(300, 3), np.random.rand(300, 3) + 9])", "m = KMeans(2, n_init=2).fit(x)", "return sorted(np.bincount(m.labels_).tolist())",
                                           before="import numpy as np\nfrom sklearn.cluster import KMeans\n"), [300, 300]),
    "histogram boosting, which starts OpenMP": (script("x = np.random.rand(400, 3); y = x[:, 0] > 0.5", "return bool(HistGradientBoostingClassifier(max_iter=10).fit(x, y).score(x, y) > 0.9)",
                                                       before="import numpy as np\nfrom sklearn.ensemble import HistGradientBoostingClassifier\n"), True),
    "OpenMP with two threads": (script("x = np.vstack([np.random.rand(900, 3), np.random.rand(900, 3) + 9])", "with threadpoolctl.threadpool_limits(2):", "    m = KMeans(2, n_init=2).fit(x)",
                                       "return sorted(np.bincount(m.labels_).tolist())", before="import numpy as np, threadpoolctl\nfrom sklearn.cluster import KMeans\n"), [900, 900]),
    "forests by threads": (script("x = np.random.rand(300, 3); y = x[:, 0] > 0.5", "return bool(RandomForestClassifier(20, n_jobs=2).fit(x, y).score(x, y) > 0.9)",
                                  before="import numpy as np\nfrom sklearn.ensemble import RandomForestClassifier\n"), True),
    "joblib by processes": ("import os, time\ndef f(x):\n    time.sleep(0.02)\n    return x * x, os.getpid()\n" + script(
        "from joblib import Parallel, delayed", "found = Parallel(n_jobs=2)(delayed(f)(x) for x in range(6))", "return [[row[0] for row in found], os.getpid() in {row[1] for row in found}]"), [[0, 1, 4, 9, 16, 25], False]),
    "joblib by multiprocessing": ("import os\ndef f(x):\n    return x * x, os.getpid()\n" + script(
        "from joblib import Parallel, delayed", "found = Parallel(n_jobs=2, backend='multiprocessing')(delayed(f)(x) for x in range(4))", "return [[row[0] for row in found], os.getpid() in {row[1] for row in found}]"), [[0, 1, 4, 9], False]),
    "fork": (script("reader, writer = os.pipe()", "pid = os.fork()", "if pid == 0:", "    try:", "        os.write(writer, str(pd.Series([1, 2]).sum()).encode())", "    finally:", "        os._exit(7)",
                    "return [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), os.read(reader, 9).decode()]", before="import os\nimport pandas as pd\n"), [7, "3"]),
    "faulthandler": (script("with open('dump', 'w+') as file:", "    faulthandler.dump_traceback(file); faulthandler.dump_traceback_later(0.01, file=file)", "    end, text = time.monotonic() + 20, ''",
                            "    while time.monotonic() < end and ('Timeout' not in text or text.count('in main') < 2): time.sleep(0.01); text = open('dump').read()",
                            "return [text.count('in main'), 'Timeout' in text]", before="import faulthandler, time\n"), [2, True]),
    "alarm": (script("seen = []", "signal.signal(signal.SIGALRM, lambda n, f: seen.append(n))", "signal.alarm(1)", "while not seen: time.sleep(0.01)", "return seen == [signal.SIGALRM]", before="import signal, time\n"), True),
    "KeyboardInterrupt": (script("try:", "    signal.raise_signal(signal.SIGINT); time.sleep(1)", "except KeyboardInterrupt:", "    return 'interrupted'", before="import signal, time\n"), "interrupted"),
    "tracebacks": (script("try:", "    json.loads('x')", "except ValueError:", "    text = traceback.format_exc()", "return ['raise JSONDecodeError' in text, \"json.loads('x')\" in text, 'def loads' in inspect.getsource(json.loads)]",
                          before="import inspect, json, traceback\n"), [True, True, True]),
    "tracing": (script("seen = set()", "sys.settrace(lambda frame, event, value: seen.add(frame.f_code.co_name))", "statistics.mean([1, 2])", "sys.settrace(None)",
                       "profile = cProfile.Profile(); profile.runcall(statistics.mean, [1, 2])", "return ['mean' in seen, len(pstats.Stats(profile).stats) > 1]", before="import cProfile, pstats, statistics, sys\n"), [True, True]),
    "tracemalloc": (script("tracemalloc.start(); a = bytearray(1 << 20)", "return tracemalloc.get_traced_memory()[0] > 1 << 20", before="import tracemalloc\n"), True),
    "200 MB": (script("parts = []", "for i in range(50):", "    parts.append(bytearray(4_000_000)); parts[-1][::4096] = b'x' * len(parts[-1][::4096])", "small = [str(i) for i in range(100_000)]",
                      "size = sum(map(len, parts)); del parts, small", "return size"), 200_000_000),
    "asyncio": (script("async def other():", "    p = await asyncio.create_subprocess_exec('echo', 'hi', stdout=-1)", "    return (await p.communicate())[0].decode()",
                       "async def all():", "    return await asyncio.gather(asyncio.sleep(0.01, 1), asyncio.to_thread(sum, [1, 2]), other())", "return asyncio.run(all())", before="import asyncio\n"), [1, 3, "hi\n"]),
    "a large matrix": (script("a = np.random.rand(1200, 1200)", "return bool(np.allclose((a @ np.linalg.inv(a)).sum(), 1200)) and np.linalg.matrix_rank(a) == 1200 and bool(np.allclose(np.linalg.svd(a[:200, :200])[1].prod(), abs(np.linalg.det(a[:200, :200]))))",
                              before="import numpy as np\n"), True),
    "groupby": (script("f = pd.DataFrame({'k': np.arange(100_000) % 7, 'v': np.ones(100_000)})", "return f.groupby('k').v.sum().astype(int).tolist()", before="import numpy as np, pandas as pd\n"), [14286] * 5 + [14285] * 2),
    "figures": (script("sns.heatmap(np.eye(4), annot=True); plt.title('$x^2$ ü')", "[plt.savefig('f.' + kind) for kind in ('png', 'pdf', 'svg')]", "return [open('f.' + kind, 'rb').read(4).decode('latin-1') for kind in ('png', 'pdf', 'svg')]",
                       before="import matplotlib.pyplot as plt, numpy as np, seaborn as sns\n"), ["\x89PNG", "%PDF", "<?xm"]),
    "scipy": (script("return [round(optimize.brentq(math.cos, 1, 2), 6), round(float(stats.norm.cdf(1.96)), 3), round(integrate.quad(math.sin, 0, math.pi)[0], 6), sparse.eye(3).sum()]",
                     before="import math\nfrom scipy import integrate, optimize, sparse, stats\n"), [1.570796, 0.975, 2.0, 3.0]),
    "TLS of the standard library": (script("context = ssl.create_default_context(); return [len(context.get_ca_certs()) > 50, requests.Session().verify]", before="import requests, ssl\n"), [True, True]),
    "reload": (script("import json; importlib.reload(json); return json.loads('[1]')", before="import importlib\n"), [1]),
    "memory of another size can be mapped": (script("m = mmap.mmap(-1, 50 << 20); m[:3] = b'abc'; m.resize(60 << 20); return m[:3].decode()", before="import mmap\n"), "abc"),
    "pickle by a process pool": ("import concurrent.futures as f, dataclasses\n@dataclasses.dataclass\nclass Point:\n    x: int\ndef move(p):\n    return Point(p.x + 1)\n" + script(
        "with f.ProcessPoolExecutor(2) as pool:", "    return [p.x for p in pool.map(move, map(Point, range(3)))]"), [1, 2, 3]),
}


@pytest.mark.parametrize("what", WORKS)
@pytest.mark.parametrize("name", ["cold", "warm", "no_snapshot"])
def test_works(mode, name, what):
    text, result = WORKS[what]
    assert results(mode(name), text)[0] == result
