"""A script cannot tell a warm worker from a fresh python3 by the state it starts in: each row says what it
gives with cold workers, and warm ones, with and without workers made ahead, with and without the snapshot,
must give the same.

What is the same in all children of one zygote, by design, is not asked here: the hash seed, addresses.
"""
import pytest

from support.modes import BEFORE, WARM, results

pytestmark = [pytest.mark.mode_independent, pytest.mark.plain_memory]  # starts the modes it needs

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
