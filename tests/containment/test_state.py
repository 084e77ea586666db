"""Nothing of one request reaches the next one on the same slot."""
import pytest

from attempts import inside, script
from support import control

STATE = {  # name: what the first does, what the second looks for
    "attribute of a module": ("import json; json.evil = 1", "__import__('json').__dict__.get('evil')"),
    "replaced function": ("import json; json.loads = lambda text: 'evil'", "__import__('json').loads('1') == 'evil'"),
    "entry of sys.modules": ("sys.modules['evil'] = sys", "'evil' in sys.modules"),
    "builtins": ("import builtins; builtins.evil = 1", "hasattr(__import__('builtins'), 'evil')"),
    "environment": ("os.environ['EVIL'] = '1'", "'EVIL' in os.environ"),
    "umask": ("os.umask(0o123)", "os.umask(0o123) == 0o123"),
    "working directory": ("os.makedirs('/tmp/elsewhere', exist_ok=True); os.chdir('/tmp/elsewhere')", "os.getcwd() == '/tmp/elsewhere'"),
    "file": ("open('evil', 'w').close()", "os.path.exists('evil')"),
    "file in /dev/shm": ("open('/dev/shm/evil', 'w').close()", "os.path.exists('/dev/shm/evil')"),
    "module on the path": ("open('evil_module.py', 'w').close(); sys.path.insert(0, os.getcwd())", "attempt_import()"),
    "descriptor": ("os.dup2(os.open('/dev/null', 0), 77)", "os.path.exists('/proc/self/fd/77')"),
    "signal handler": ("import signal; signal.signal(10, signal.SIG_IGN)", "__import__('signal').getsignal(10) == 1"),
    "rlimit": ("import resource; resource.setrlimit(resource.RLIMIT_CPU, (9, 9))", "__import__('resource').getrlimit(0)[1] == 9"),
    "priority": ("os.nice(3)", "os.nice(0) >= 3"),
    "random numbers": ("import random; random.seed(1)", "__import__('random').random() == 0.13436424411240122"),
    "thread": ("import threading; threading.Thread(target=time.sleep, args=(9,), daemon=True).start()", "len(os.listdir('/proc/self/task')) > 1"),
    "child": ("global child; child = subprocess.Popen(['sleep', '9.75'])",
              "any(b'9.75' in open(f'/proc/{n}/cmdline', 'rb').read() for n in os.listdir('/proc') if n.isdigit())"),
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
"""


@pytest.fixture(scope="module")
def single(start_server):
    return start_server("--slots=1", libraries=True)


@pytest.mark.parametrize("name", STATE)
def test_state(single, name):
    plant, look = STATE[name]
    plant, look = script(plant, "return 'planted'"), script(f"return bool({look})", before=IMPORT)
    # The control: both, one after the other, in one interpreter.
    both = plant.replace("def main", "def plant") + look.replace("def main", "def look") + "def main():\n    plant()\n    return look()\n"
    assert control.run(both).result is True
    assert inside(single, plant) == "planted"
    assert inside(single, look) is False
