"""Nothing of one request reaches the next one on the same slot, and no two have the same chance."""
import pytest

from attempts import inside, script, stopped_by
from support import control

STATE = {  # name: what the first does, what the second looks for
    "attribute of a module": ("import json; json.evil = 1", "__import__('json').__dict__.get('evil')"),
    "replaced function": ("import json; json.loads = lambda text: 'evil'", "__import__('json').loads('1') == 'evil'"),
    "entry of sys.modules": ("sys.modules['evil'] = sys", "'evil' in sys.modules"),
    "builtins": ("import builtins; builtins.evil = 1", "hasattr(__import__('builtins'), 'evil')"),
    "environment": ("os.environ['EVIL'] = '1'", "'EVIL' in os.environ"),
    "umask": ("os.umask(0o123)", "os.umask(0o123) == 0o123"),
    "working directory": ("os.mkdir('elsewhere'); os.chdir('elsewhere')", "os.getcwd().endswith('/elsewhere')"),
    "file": ("open('evil', 'w').close()", "os.path.exists('evil')"),
    "file in /dev/shm": ("attempt(lambda: open('/dev/shm/evil', 'w').close())", "os.path.exists('/dev/shm/evil')"),
    "module on the path": ("open('evil_module.py', 'w').close(); sys.path.insert(0, os.getcwd())", "attempt_import()"),
    "descriptor": ("os.dup2(os.open('/dev/null', 0), 77)", "attempt(os.fstat, 77) == 'ok'"),
    "signal handler": ("import signal; signal.signal(10, signal.SIG_IGN)", "__import__('signal').getsignal(10) == 1"),
    "rlimit": ("import resource; resource.setrlimit(resource.RLIMIT_CPU, (9, 9))", "__import__('resource').getrlimit(0)[1] == 9"),
    "priority": ("os.nice(3)", "os.nice(0) >= 3"),
    "random numbers": ("import random; random.seed(1)", "__import__('random').random() == 0.13436424411240122"),
    "thread": ("import threading; threading.Thread(target=time.sleep, args=(9,), daemon=True).start()", "__import__('threading').active_count() > 1"),
    "child": ("global child; child = subprocess.Popen(['sleep', '9.75'])",
              "attempt(os.waitpid, -1, os.WNOHANG) == 'ok'"),
    "signal mask": ("import signal; signal.pthread_sigmask(0, [10])", "10 in __import__('signal').pthread_sigmask(0, [])"),
    "alarm": ("import signal; signal.alarm(1000)", "__import__('signal').alarm(0) > 0"),
    "stdout": ("sys.stdout = None; os.environ['X'] = '1'", "sys.stdout is None"),
    "hooks": ("sys.excepthook = print; sys.meta_path.insert(0, None)", "sys.excepthook is print or None in sys.meta_path"),
    "recursion limit": ("sys.setrecursionlimit(4321)", "sys.getrecursionlimit() == 4321"),
    "garbage collector": ("import gc; gc.disable(); gc.set_threshold(7)", "__import__('gc').get_threshold()[0] == 7"),
    "trace function": ("sys.settrace(lambda *a: None)", "sys.gettrace() is not None"),
    "locale": ("import locale; locale.setlocale(locale.LC_ALL, 'C')", "__import__('locale').setlocale(locale_all()) == 'C'"),
    "exit function": ("import atexit; atexit.register(print)", "__import__('atexit')._ncallbacks() > BASE"),
    "time zone": ("os.environ['TZ'] = 'Asia/Tokyo'; time.tzset()", "time.tzname[0] == 'JST'"),
    "warnings filter": ("import warnings; warnings.simplefilter('error')", "__import__('warnings').filters[0][0] == 'error'"),
    "matplotlib settings": ("import matplotlib; matplotlib.rcParams['font.size'] = 77", "__import__('matplotlib').rcParams['font.size'] == 77"),
    "numpy settings": ("import numpy; numpy.seterr(all='raise')", "__import__('numpy').geterr()['divide'] == 'raise'"),
}
IMPORT = """
def attempt_import():
    try:
        import evil_module
    except ImportError:
        return False
    return True
BASE = __import__('atexit')._ncallbacks()
def locale_all():
    import locale
    return locale.LC_ALL
"""


@pytest.fixture(scope="module")
def single(start_server):
    return start_server("--slots=1", libraries=True)


@stopped_by("server")
@pytest.mark.parametrize("name", STATE)
def test_state(single, name):
    plant, look = STATE[name]
    plant, look = script(plant, "return 'planted'"), script(f"return bool({look})", before=IMPORT)
    # The control: both, one after the other, in one interpreter.
    both = plant.replace("def main", "def plant") + look.replace("def main", "def look") + "def main():\n    plant()\n    return look()\n"
    assert control.run(both).result is True
    assert inside(single, plant) == "planted"
    assert inside(single, look) is False


CHANCE = script("import random, secrets, tempfile, uuid, numpy", "return [random.random(), numpy.random.rand(), numpy.random.default_rng().random(),"
                " hash('x'), secrets.token_hex(8), os.urandom(8).hex(), str(uuid.uuid4()), next(tempfile._get_candidate_names())]")
# Where a loaded process is only forked, streams that were begun before go on the same in each fork.
FORKED = script("import random, numpy", "numpy.random.rand(); state, found = random.getstate(), []", "for _ in range(2):", "    r, w = os.pipe()",
                "    if os.fork() == 0: random.setstate(state); os.write(w, repr([random.random(), numpy.random.rand(), hash('x')]).encode()); os._exit(0)",
                "    found.append(os.read(r, 500).decode())", "return found")


@stopped_by("server")
def test_no_two_runs_have_the_same_chance(single):
    """One after the other on one slot. How text is hashed is chosen when an interpreter starts: all
    workers that are forked from one have it in common, so it is not looked at."""
    first, second = control.run(FORKED).result
    assert first == second
    runs = [inside(single, CHANCE) for _ in range(3)]
    for name, values in enumerate(zip(*runs)):
        assert name == 3 or len(set(values)) == 3, values
