"""What people use works inside: the whole standard library, processes, threads, the big libraries."""
import sys

import pytest

# Modules of sys.stdlib_module_names that need not import, and why.
NOT_HERE = {
    "_msi": "Windows", "_overlapped": "Windows", "_winapi": "Windows", "msilib": "Windows",
    "msvcrt": "Windows", "nt": "Windows", "winreg": "Windows", "winsound": "Windows",
    "_scproxy": "macOS",
    "_gdbm": "Debian's python3-gdbm; dbm falls back to dbm.dumb",
    "_tkinter": "Debian's python3-tk: needs a display", "tkinter": "as _tkinter", "turtle": "as _tkinter",
    "turtledemo": "as _tkinter", "idlelib": "as _tkinter",
    "ensurepip": "Debian's python3-venv: installs packages from the network",
    "antigravity": "opens a web browser when imported",
}


def script(*lines, before=""):
    return before + "def main():\n" + "".join(f"    {line}\n" for line in lines)


def test_every_module_of_the_standard_library_imports(service):
    assert sys.version_info[:2] == (3, 11), "this list is that of Python 3.11"
    answer = service.execute(f"""
import importlib, sys
def main():
    failed, count = {{}}, 0
    for name in sorted(sys.stdlib_module_names - set({sorted(NOT_HERE)!r})):
        try:
            importlib.import_module(name)
            count += 1
        except BaseException as error:
            failed[name] = repr(error)
    return [count, failed]
""")
    assert answer.status == 200, answer
    count, failed = answer.json["result"]
    assert failed == {}
    assert count == len(sys.stdlib_module_names - set(NOT_HERE)) > 280


WORKS = {  # name: script, result
    "subprocess": (script("return subprocess.run(['tr', 'a-z', 'A-Z'], input='abc', capture_output=True, text=True, check=True).stdout",
                          before="import subprocess\n"), "ABC"),
    "subprocess by the shell": (script("return subprocess.check_output('echo $((6*7)); exit 0', shell=True, text=True)", before="import subprocess\n"), "42\n"),
    "another python": (script("return subprocess.check_output([sys.executable, '-c', 'print(6*7)'], text=True)", before="import subprocess, sys\n"), "42\n"),
    "exit status and SIGTERM of a child": (script(
        "p = subprocess.Popen(['sleep', '60']); p.terminate()", "return [p.wait(20), subprocess.run('exit 3', shell=True).returncode]",
        before="import subprocess\n"), [-15, 3]),
    "Pool": ("import multiprocessing\ndef square(x):\n    return x * x\n"
             + script("with multiprocessing.Pool(2) as pool:", "    return pool.map(square, range(5))"), [0, 1, 4, 9, 16]),
    "Pool by spawn": ("import multiprocessing\ndef square(x):\n    return x * x\n"
                      + script("with multiprocessing.get_context('spawn').Pool(1) as pool:", "    return pool.map(square, range(3))"), [0, 1, 4]),
    "Manager and Queue": (script("q = multiprocessing.Queue()", "p = multiprocessing.Process(target=q.put, args=(7,)); p.start()",
                                 "value = q.get(timeout=20); p.join(20)", "return [value, p.exitcode]", before="import multiprocessing\n"), [7, 0]),
    "shared memory": (script("m = shared_memory.SharedMemory(create=True, size=100)", "m.buf[:3] = b'abc'",
                             "other = shared_memory.SharedMemory(m.name)", "text = bytes(other.buf[:3]).decode(); other.close(); m.close(); m.unlink()",
                             "return text", before="from multiprocessing import shared_memory\n"), "abc"),
    "process pool executor": ("import concurrent.futures as f\ndef square(x):\n    return x * x\n"
                              + script("with f.ProcessPoolExecutor(2) as pool:", "    return list(pool.map(square, range(3)))"), [0, 1, 4]),
    "threads": (script("found = []", "threads = [threading.Thread(target=found.append, args=(i,)) for i in range(8)]",
                       "[t.start() for t in threads]; [t.join() for t in threads]", "return sorted(found)", before="import threading\n"), list(range(8))),
    "asyncio": (script("async def double(x):", "    await asyncio.sleep(0.01)", "    return 2 * x",
                       "async def all():", "    return await asyncio.gather(*map(double, range(3)))", "return asyncio.run(all())",
                       before="import asyncio\n"), [0, 2, 4]),
    "asyncio subprocess": ("import asyncio\nasync def main():\n    p = await asyncio.create_subprocess_exec('echo', 'hi', stdout=-1)\n"
                           "    return (await p.communicate())[0].decode()\n", "hi\n"),
    "sqlite3 in a file": (script("db = sqlite3.connect('data.db')", "db.execute('create table t (x)')",
                                 "db.executemany('insert into t values (?)', [(i,) for i in range(10)]); db.commit(); db.close()",
                                 "return sqlite3.connect('data.db').execute('select sum(x) from t').fetchone()[0]", before="import sqlite3\n"), 45),
    "temporary files": (script("with tempfile.TemporaryDirectory() as d, tempfile.NamedTemporaryFile('w+') as f:", "    f.write('x'); f.seek(0)",
                               "    return [d.startswith('/tmp/'), f.read()]", before="import tempfile\n"), [True, "x"]),
    "working directory": (script("open('a.txt', 'w').write('hello'); os.mkdir('d'); os.rename('a.txt', 'd/b.txt')",
                                 "return [open('d/b.txt').read(), os.access(os.getcwd(), os.W_OK)]", before="import os\n"), ["hello", True]),
    "signals": (script("seen = []", "signal.signal(signal.SIGALRM, lambda *a: seen.append('alarm'))", "signal.setitimer(signal.ITIMER_REAL, 0.02)",
                       "while not seen: time.sleep(0.01)", "return seen", before="import signal, time\n"), ["alarm"]),
    "mmap": (script("m = mmap.mmap(-1, 4096); m[:2] = b'ok'", "return m[:2].decode()", before="import mmap\n"), "ok"),
    "ctypes callback": (script("c = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(lambda x: x + 1)", "return c(41)", before="import ctypes\n"), 42),
    "time zones": (script("return datetime.datetime(2024, 7, 1, tzinfo=zoneinfo.ZoneInfo('Europe/Berlin')).utcoffset().seconds",
                          before="import datetime, zoneinfo\n"), 7200),
    "time is UTC": (script("return [time.tzname[0], 't' if time.localtime().tm_hour == time.gmtime().tm_hour else 'f']", before="import time\n"), ["UTC", "t"]),
    "getpass and pwd": (script("return [bool(getpass.getuser()), os.path.isdir(os.path.expanduser('~'))]", before="import getpass, os\n"), [True, True]),
    "random differs from the seed": (script("return len({random.random() for _ in range(100)} | {uuid.uuid4().hex})", before="import random, uuid\n"), 101),
    "compression": (script("return [m.decompress(m.compress(b'x' * 1000)) == b'x' * 1000 for m in (zlib, bz2, lzma, gzip)]",
                           before="import bz2, gzip, lzma, zlib\n"), [True] * 4),
    "hashes": (script("return hashlib.sha256(b'').hexdigest()[:8]", before="import hashlib\n"), "e3b0c442"),
    "utf-8 everywhere": (script("open('ü.txt', 'w').write('ß'); print('漢')",
                                "return [sys.getfilesystemencoding(), open('ü.txt').read(), locale.getpreferredencoding().lower()]",
                                before="import locale, sys\n"), ["utf-8", "ß", "utf-8"]),
    "seaborn to PNG": (script("seaborn.histplot([1, 2, 2, 3]); plt.savefig('f.png')", "return open('f.png', 'rb').read(4).hex()",
                              before="import matplotlib; matplotlib.use('Agg')\nimport matplotlib.pyplot as plt, seaborn\n"), "89504e47"),
    "scikit-learn": (script("m = KMeans(2, n_init=2, random_state=0).fit([[0], [1], [10], [11]])", "return len(set(m.labels_.tolist()))",
                            before="from sklearn.cluster import KMeans\n"), 2),
    "scikit-learn in parallel": (script("return Parallel(n_jobs=2, backend='threading')(delayed(abs)(x) for x in (-1, -2))",
                                        before="from joblib import Parallel, delayed\n"), [1, 2]),
    "scipy": (script("return round(float(linalg.det([[1, 2], [3, 4]])), 6)", before="from scipy import linalg\n"), -2.0),
}


@pytest.mark.parametrize("name", WORKS)
def test_works(service, name):
    text, result = WORKS[name]
    answer = service.execute(text)
    assert answer.status == 200, answer
    assert answer.json["result"] == result, answer
    assert "stderr" not in answer.json, answer


def test_matplotlib_writes_files_without_a_warning(service):
    answer = service.execute(script(
        "for kind in ('png', 'pdf', 'svg'):",
        "    fig, ax = plt.subplots(); ax.plot([1, 3, 2]); ax.set_title('Grüße $x^2$'); fig.savefig('f.' + kind); plt.close(fig)",
        "return [open('f.' + kind, 'rb').read(4).decode('latin-1') for kind in ('png', 'pdf', 'svg')]",
        before="import matplotlib.pyplot as plt\n"))  # no backend is chosen: there is no display, and no complaint
    assert answer.json == {"result": ["\x89PNG", "%PDF", "<?xm"], "stdout": ""}, answer


def test_numpy_uses_openblas_with_one_thread(service):
    answer = service.execute(script(
        "a = np.random.rand(600, 600); a @ a",
        "maps = open('/proc/self/maps').read()",
        "pools = threadpoolctl.threadpool_info()",
        "return {'openblas': 'openblas' in maps, 'reference': '/blas/libblas' in maps, 'threads': len(os.listdir('/proc/self/task')),",
        "        'pools': [[p['internal_api'], p['num_threads']] for p in pools if p['user_api'] == 'blas']}",
        before="import os\nimport numpy as np\nimport threadpoolctl\n"))
    result = answer.json["result"]
    assert result["openblas"] and not result["reference"], result
    assert result["threads"] == 1, result
    assert result["pools"] and all(pool == ["openblas", 1] for pool in result["pools"]), result
