"""A script cannot tell a warm worker from a fresh python3 by the state it starts in, and nothing that a
fork of a loaded interpreter could break is broken: each row says what it gives with cold workers, and
warm ones, with and without workers made ahead, with and without the snapshot, must give the same.

What is the same in all children of one zygote, by design, is not asked here: the hash seed, addresses.
"""
import pytest

pytestmark = [pytest.mark.mode_independent, pytest.mark.plain_memory]  # starts the modes it needs

WARM = ["warm", "no_pool", "no_snapshot"]  # as deployed: workers made ahead, snapshot taken; and without


@pytest.fixture(scope="module")
def no_pool(start_server):
    return start_server("--slots=2", "--pool=0", "--start=warm", libraries=True)


@pytest.fixture(scope="module")
def mode(service, cold, no_pool, no_snapshot):
    """mode(name): the server of that name."""
    return {"cold": cold, "warm": service, "no_pool": no_pool, "no_snapshot": no_snapshot}.get


def results(server, text, times=1):
    """What main() returned, each time; nothing may have gone to stderr."""
    answers = [server.execute(text) for _ in range(times)]
    for answer in answers:
        assert answer.status == 200 and "stderr" not in answer.json, answer
    return [answer.json["result"] for answer in answers]


# ---- the state that a script starts in ----

BEFORE = """
import sys
NAMES = sorted(sys.modules)
import gc
COUNTS = gc.get_count()
import atexit, builtins, ctypes, faulthandler, fcntl, linecache, locale, multiprocessing, os, resource, signal
import platform, site, socket, tempfile, threading, time, tracemalloc, warnings

def status(*names):
    lines = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
    return [lines[name] for name in names]

def caught():  # but for SIGSEGV, which wakes libraries
    return int(status("SigCgt")[0], 16) & ~(1 << signal.SIGSEGV - 1)

def stream(file):
    return [file.name, file.mode, file.encoding, file.errors, file.line_buffering, file.write_through, file.newlines,
            file.isatty(), file.fileno(), file.seekable(), file.readable(), file.writable(), file.closed,
            type(file.buffer).__name__, type(file.buffer.raw).__name__, file.buffer.raw.closefd]

def getenv(name):
    function = ctypes.CDLL(None).getenv
    function.restype = ctypes.c_char_p
    return (function(name.encode()) or b"").decode()
"""
STATE = {
    "arguments": "[sys.argv, sys.orig_argv]",
    "search path": "sys.path",
    "flags": "[repr(sys.flags), sys._xoptions, sys.warnoptions, sys.dont_write_bytecode, sys.pycache_prefix]",
    "interpreter": "[sys.executable, sys._base_executable, sys.prefix, sys.base_prefix, sys.exec_prefix, sys.platlibdir, sys.version]",
    "names of sys": "sorted(vars(sys))",
    "names of builtins": "[name for name in dir(builtins) if not name.startswith('__pybind11_internals')]",  # scipy's
    "names of the module": "sorted(set(globals()) - {'NAMES', 'COUNTS'})",
    "names of __main__": "sorted(vars(sys.modules['__main__']))",
    "path hooks": "len(sys.path_hooks)",
    "descriptors": "sorted((int(n), os.readlink('/proc/self/fd/' + n).split(':')[0]) for n in os.listdir('/proc/self/fd') if os.path.lexists('/proc/self/fd/' + n))",
    "descriptors' flags": "[[os.get_inheritable(fd), fcntl.fcntl(fd, fcntl.F_GETFL)] for fd in range(4)]",
    "environment": "dict(os.environ)",
    "environment as C sees it": "{name: getenv(name) for name in [*os.environ, 'CODE_RUNNER_OUTPUT_BYTES', 'XDG_CACHE_HOME', 'PORT']}",
    "working directory": "[os.getcwd(), os.listdir('.')]",
    "other directories": "[os.listdir('/tmp'), os.listdir('/dev/shm'), os.path.expanduser('~')]",
    "name of the process": "open('/proc/self/comm').read()",
    "callbacks at exit": "atexit._ncallbacks()",
    "locale": "[locale.setlocale(locale.LC_ALL), locale.getlocale(), locale.getpreferredencoding(), locale.localeconv()['decimal_point']]",
    "encodings": "[sys.getfilesystemencoding(), sys.getfilesystemencodeerrors(), sys.getdefaultencoding(), locale.getencoding()]",
    "signal handlers": "{int(n): repr(signal.getsignal(n)).split(' at ')[0] for n in signal.valid_signals() if signal.getsignal(n) != signal.SIG_DFL}",
    "signals as the kernel has them": "[*status('SigPnd', 'ShdPnd', 'SigBlk', 'SigIgn'), caught()]",
    "alarms": "[[signal.getitimer(n) for n in range(3)], signal.set_wakeup_fd(-1)]",
    "rights": "status('NoNewPrivs', 'Seccomp', 'Seccomp_filters', 'CapPrm', 'CapEff', 'CapBnd', 'Groups')",
    "name of the host": "[platform.node(), socket.gethostname(), os.uname().nodename, platform.platform(), socket.getdefaulttimeout()]",
    "directories of users": "[site.ENABLE_USER_SITE, site.USER_BASE, site.USER_SITE]",
    "umask": "os.umask(0o77)",
    "limits": "{name: resource.getrlimit(getattr(resource, name)) for name in dir(resource) if name.startswith('RLIMIT_')}",
    "process": "[os.getpid(), os.getppid(), os.getpgid(0), os.getsid(0), os.nice(0), len(os.sched_getaffinity(0))]",
    "limits of the interpreter": "[sys.getrecursionlimit(), sys.getswitchinterval(), sys.get_int_max_str_digits(), sys.getdlopenflags()]",
    "hooks": "[repr(f).split(' at ')[0] for f in (sys.excepthook, sys.displayhook, sys.unraisablehook, sys.breakpointhook, threading.excepthook, builtins.__import__, sys.gettrace(), sys.getprofile(), sys.get_asyncgen_hooks())]",
    "hooks are those of the start": "[sys.excepthook is sys.__excepthook__, sys.displayhook is sys.__displayhook__, sys.unraisablehook is sys.__unraisablehook__]",
    "no exception": "[repr(sys.exc_info()), hasattr(sys, 'last_type'), hasattr(sys, 'tracebacklimit')]",
    "garbage collector": "[gc.isenabled(), gc.get_threshold(), len(gc.callbacks), gc.get_debug(), gc.garbage]",
    "threads": "[[t.name for t in threading.enumerate()], len(os.listdir('/proc/self/task')), threading.Thread().name]",
    "main thread": "[threading.main_thread().native_id == threading.get_native_id() == os.getpid(), threading.main_thread().ident == threading.get_ident(), threading.current_thread() is threading.main_thread()]",
    "stdin": "stream(sys.stdin)",
    "stdout": "stream(sys.stdout)",
    "stderr": "stream(sys.stderr)",
    "streams are those of the start": "[sys.stdin is sys.__stdin__, sys.stdout is sys.__stdout__, sys.stderr is sys.__stderr__]",
    "lines of sources": "list(linecache.cache)",
    "temporary files": "[tempfile.tempdir, tempfile._name_sequence, tempfile.gettempdir()]",
    "multiprocessing": "[multiprocessing.get_start_method(), multiprocessing.active_children(), multiprocessing.current_process().name, multiprocessing.parent_process()]",
    "tools that are switched on": "[faulthandler.is_enabled(), tracemalloc.is_tracing()]",
    "processor time is its own": "time.process_time() < 1 and time.thread_time() < 1",
    "filters of warnings that nobody's import made": "[repr(f) for f in warnings.filters if f[1] is None and f[2].__module__ == 'builtins']",
    "shared memory that can be written": "[line for line in open('/proc/self/maps').read().splitlines() if line.split()[1][1] == 'w' and line.split()[1][3] == 's']",
    "memory that can be written and run": "[line for line in open('/proc/self/maps').read().splitlines() if line.split()[1][1:3] == 'wx']",
}
STATE_SCRIPT = BEFORE + "def main():\n    return {\n" + "".join(f"        {name!r}: {what},\n" for name, what in STATE.items()) + "    }\n"


@pytest.fixture(scope="module")
def states(mode):
    """{mode: what three scripts saw, one after the other}; the first finds a pool full."""
    return {name: results(mode(name), STATE_SCRIPT, 3) for name in ("cold", *WARM)}


@pytest.mark.parametrize("what", STATE)
@pytest.mark.parametrize("name", WARM)
def test_state_is_that_of_a_cold_worker(states, name, what):
    expected = states["cold"][0][what]
    for state in states[name]:
        assert state[what] == expected


def test_state_that_is_expected(states):
    """The comparison alone would not notice what is wrong in both."""
    state = states["cold"][0]
    assert state["arguments"][0] == ["script.py"]
    assert [row[0] for row in state["descriptors"]][:4] == [0, 1, 2, 3]
    assert state["threads"] == [["MainThread"], 1, "Thread-1"]
    assert state["working directory"][1] == ["script.py"]
    assert state["hooks are those of the start"] == state["main thread"] == state["streams are those of the start"] == [True] * 3
    assert state["processor time is its own"] is True
    assert state["shared memory that can be written"] == state["memory that can be written and run"] == []


# ---- modules ----

MODULES = BEFORE + """
def main():
    files = {name: getattr(sys.modules[name], '__file__', None) for name in NAMES}
    return files, COUNTS
"""
# What the libraries bring along that is not of their name.
BROUGHT = ("PIL _brotli _cffi_backend _distutils_hack brotli certifi chardet charset_normalizer cycler dateutil decorator distutils idna joblib kiwisolver "
           "lz4 markupsafe mpl_toolkits packaging pkg_resources psutil pyparsing pytz setuptools simplejson six threadpoolctl urllib3 yaml "
           "bottleneck numexpr fsspec odf olefile openpyxl lxml tables cloudpickle pythran beniget gast ply unicodedata2 fontTools bs4 html5lib "
           "numpy pandas scipy sklearn matplotlib seaborn requests pylab").split()


@pytest.mark.parametrize("name", WARM)
def test_modules_are_more_and_none_is_ours(mode, name):
    files, _ = results(mode(name), MODULES)[0]
    base = set(results(mode("cold"), MODULES)[0][0])
    assert base <= set(files)
    assert {"numpy", "pandas", "scipy", "sklearn", "matplotlib", "seaborn", "requests"} <= set(files)
    assert not {"harness", "preload"} & {part for module in files for part in module.split(".")}
    known = set(__import__("sys").stdlib_module_names) | set(BROUGHT) | {"__main__", "__mp_main__", "script", "cython_runtime"}
    strangers = {module: file for module, file in files.items() if module.partition(".")[0] not in known
                 and not module.startswith("_cython_") and not (file or "").startswith(("/usr/lib/python3/dist-packages/", "/usr/lib/python3.11/"))}
    assert strangers == {}, strangers


@pytest.mark.parametrize("name", WARM)
def test_garbage_collector_counts_are_those_of_a_start(mode, name):
    """Neither what the zygote nor what a dry run allocated brings the next collection nearer."""
    for _, counts in results(mode(name), MODULES, 3):
        assert counts[0] < 500 and counts[1] <= 10 and counts[2] <= 10, counts


def test_nothing_tells_of_the_services_settings(mode):
    script = BEFORE + "def main():\n    return open('/proc/self/cmdline').read() + open('/proc/self/comm').read()\n"
    for name in ("cold", *WARM):
        text = results(mode(name), script)[0]
        assert not [word for word in ("--port", "--uid-base", "--preload", "--address") if word in text], (name, text)


# ---- random numbers ----

RANDOM = """
import ctypes, email.utils, multiprocessing, os, random, secrets, sqlite3, ssl, sys, tempfile, uuid
def main():
    import numpy as np
    import pandas as pd
    import scipy.stats
    from sklearn.utils import check_random_state
    database = sqlite3.connect(':memory:')
    return {
        'random': random.random(), 'gauss': random.gauss(0, 1), 'getrandbits': random.getrandbits(64), 'Random': random.Random().random(),
        'normalvariate': random.normalvariate(0, 1), 'SystemRandom': random.SystemRandom().random(), 'sample': random.sample(range(10**9), 3),
        'np.rand': np.random.rand(), 'np.randn': np.random.randn(), 'np.normal': np.random.normal(), 'np.randint': int(np.random.randint(1 << 60)),
        'np.bytes': np.random.bytes(8).hex(), 'default_rng': np.random.default_rng().random(), 'RandomState': np.random.RandomState().rand(),
        'PCG64': int(np.random.PCG64().random_raw()), 'SeedSequence': str(np.random.SeedSequence().entropy),
        'scipy': float(scipy.stats.norm.rvs()), 'sklearn': float(check_random_state(None).rand()), 'pandas': int(pd.Series(range(10**6)).sample(1).iloc[0]),
        'uuid1': uuid.uuid1().hex[8:], 'uuid4': uuid.uuid4().hex, 'secrets': secrets.token_hex(8), 'ssl': ssl.RAND_bytes(8).hex(), 'urandom': os.urandom(8).hex(),
        'sqlite': database.execute('select random()').fetchone()[0], 'temporary name': tempfile.mktemp(), 'message id': email.utils.make_msgid(domain='x').split('.', 1)[1],
        'key of multiprocessing': bytes(multiprocessing.current_process().authkey).hex(), 'arc4random': ctypes.CDLL(None).arc4random(),
    }
"""
STREAMS = ["random", "gauss", "getrandbits", "Random", "normalvariate", "SystemRandom", "sample", "np.rand", "np.randn", "np.normal", "np.randint", "np.bytes",
           "default_rng", "RandomState", "PCG64", "SeedSequence", "scipy", "sklearn", "pandas", "uuid1", "uuid4", "secrets", "ssl", "urandom", "sqlite",
           "temporary name", "message id", "key of multiprocessing", "arc4random"]


@pytest.fixture(scope="module")
def numbers(mode):
    return {name: results(mode(name), RANDOM, 4) for name in ("cold", *WARM)}


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("name", ["cold", *WARM])
def test_no_two_scripts_get_the_same_numbers(numbers, name, stream):
    found = [repr(run[stream]) for run in numbers[name]]
    assert len(set(found)) == 4, found


def test_every_stream_is_looked_at(numbers):
    assert sorted(numbers["cold"][0]) == sorted(STREAMS)


def test_a_seed_gives_what_it_gives_everywhere(mode):
    script = """
import random
import numpy as np
def main():
    random.seed(1); np.random.seed(1)
    return random.random(), random.gauss(0, 1), float(np.random.rand()), float(np.random.randn()), float(np.random.default_rng(1).random())
"""
    expected = results(mode("cold"), script)[0]
    assert expected[0] == 0.13436424411240122
    for name in WARM:
        assert results(mode(name), script)[0] == expected


# ---- the libraries' own state ----

LIBRARIES = BEFORE + """
import asyncio, decimal, logging, mimetypes, socket
import joblib, matplotlib, numpy as np, pandas as pd, requests, scipy, seaborn as sns, sklearn
import matplotlib.pyplot as plt
def main():
    import pandas._config.config as settings
    return {
        'numpy': [np.geterr(), {k: repr(v) for k, v in np.get_printoptions().items()}, np.getbufsize()],
        'matplotlib settings': {k: repr(v) for k, v in matplotlib.rcParams.items()},
        'matplotlib': [matplotlib.get_backend(), matplotlib.is_interactive(), plt.get_fignums()],
        'matplotlib directories': [matplotlib.get_configdir(), matplotlib.get_cachedir(), matplotlib.matplotlib_fname(), matplotlib.style.core.USER_LIBRARY_PATHS, os.listdir(matplotlib.get_cachedir())],
        'pandas': {k: repr(v.defval) + repr(settings._get_root(k)[0][k.split('.')[-1]]) for k, v in settings._registered_options.items()},
        'scikit-learn': repr(sklearn.get_config()),
        'seaborn': [repr(sns.axes_style()), repr(sns.plotting_context()), repr(sns.color_palette())],
        'joblib': [joblib.parallel.mp is not None, joblib.cpu_count() > 0],
        'logging': [logging.root.level, logging.root.handlers, logging.root.manager.disable, logging.lastResort.level],
        'loggers': sorted((n, l.level, len(l.handlers)) for n, l in logging.root.manager.loggerDict.items() if isinstance(l, logging.Logger) and (l.level or l.handlers)),
        'decimal': repr(decimal.getcontext()),
        'socket, mimetypes': [socket.getdefaulttimeout(), mimetypes.inited],
        'asyncio': [asyncio._get_running_loop(), asyncio.get_event_loop_policy()._local._loop],
        'filters of warnings': sorted(repr(f).replace('re.compile', '') for f in warnings.filters if f[2].__module__ != 'pkg_resources'),
        'warnings that were given': sorted(n for n, m in list(sys.modules.items()) if getattr(m, '__warningregistry__', None)),
        'processes': [multiprocessing.process._children == set(), next(multiprocessing.process._process_counter)],
    }
"""
LIBRARY_STATE = ["numpy", "matplotlib settings", "matplotlib", "matplotlib directories", "pandas", "scikit-learn", "seaborn", "joblib", "logging", "loggers",
                 "decimal", "socket, mimetypes", "asyncio", "filters of warnings", "warnings that were given", "processes"]


@pytest.fixture(scope="module")
def library_states(mode):
    return {name: results(mode(name), LIBRARIES)[0] for name in ("cold", *WARM)}


@pytest.mark.parametrize("what", LIBRARY_STATE)
@pytest.mark.parametrize("name", WARM)
def test_state_of_libraries_is_that_of_their_import(library_states, name, what):
    assert library_states[name][what] == library_states["cold"][what]


def test_every_state_of_libraries_is_looked_at(library_states):
    assert sorted(library_states["cold"]) == sorted(LIBRARY_STATE)


# ---- what must work in a fork of a loaded interpreter ----

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
