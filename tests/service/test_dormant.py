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
    assert counts[0] < 105 and counts[0] * 2 < counts[1]  # 83 to 91, as libraries happen to lie; 125 to 128 if all stay awake that have the kernel write


def test_who_has_the_kernel_write_is_woken_by_it(service, all_awake):
    use, call = (asleep(service, "array = numpy.arange(9.0); array.tofile('f')", f"assert {line}.sum() == 36", before="import numpy\n")
                 for line in ("array", "numpy.fromfile('f')"))
    assert use > call + 100_000 and call > all_awake  # and nobody else


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


# ---- libraries that have the kernel write ----

CALLERS = {  # before, body, result
    "sqlite3 in a file": ("import sqlite3", ["db = sqlite3.connect('data.db'); db.execute('pragma journal_mode = wal'); db.execute('create table t (x, y)')",
                                             "db.executemany('insert into t values (?, ?)', [(i, str(i) * 99) for i in range(2000)]); db.commit()",
                                             "other = sqlite3.connect('data.db'); rows = other.execute('select count(*), sum(x), sum(length(y)) from t').fetchone(); other.close(); db.close()",
                                             "return [rows, sqlite3.connect('data.db').execute('pragma integrity_check').fetchone()]"], [[2000, 1999000, 682110], ["ok"]]),
    "hashes": ("import hashlib, os", ["open('f', 'wb').write(b'x' * 100_000)", "with open('f', 'rb') as f: file = hashlib.file_digest(f, 'sha256').hexdigest()[:16]",
                                      "return [file, hashlib.new('sha512', b'').hexdigest()[:8], hashlib.scrypt(b'a', salt=b'b', n=2, r=1, p=1).hex()[:8], len(set(os.urandom(999))) > 99]"],
               ["d69e689881578332", "cf83e135", "da11baad", True]),
    "ssl": ("import socket, ssl", ["context = ssl.create_default_context(); a, b = socket.socketpair(); a.settimeout(0.01)", "try: context.wrap_socket(a, server_hostname='x')",
                                   "except TimeoutError as e: late = type(e).__name__",
                                   "return [len(context.get_ca_certs()) > 50, len({ssl.RAND_bytes(9) for _ in range(9)}), late, len(b.recv(9999)) > 99]"], [True, 9, "TimeoutError", True]),
    "figures": ("import matplotlib.pyplot as plt, numpy as np\nfrom PIL import Image", [
        "fig = plt.figure(figsize=(2, 1), dpi=50); fig.patch.set_facecolor((1, 0, 0)); fig.text(0.3, 0.3, 'ü $x^2$'); found = []",
        "for kind in ('png', 'jpg', 'tif'):", "    fig.savefig('f.' + kind); image = Image.open('f.' + kind); pixel = image.convert('RGB').getpixel((1, 1))",
        "    found.append([image.format, *image.size, pixel[0] > 250 and pixel[1] < 5])", "return found + [bool((np.asarray(image.convert('L')) < 60).any())]"],
                [["PNG", 100, 50, True], ["JPEG", 100, 50, True], ["TIFF", 100, 50, True], True]),
    "pictures": ("import numpy as np\nfrom PIL import Image, ImageDraw, ImageFont, features\nimport matplotlib", [
        "a = (np.arange(64 * 64 * 3) % 251).astype('uint8').reshape(64, 64, 3); image = Image.fromarray(a); found = []",
        "for name, options in (('a.png', {}), ('a.tif', {'compression': 'tiff_lzw'}), ('a.tiff', {'compression': 'tiff_deflate'}), ('a.jp2', {}), ('a.webp', {'lossless': True}), ('a.gif', {})):",
        "    image.save(name, **options); found.append(bool((np.asarray(Image.open(name).convert('RGB')) == a).all()))",
        "image.save('a.jpg', quality=95); found.append(bool(abs(np.asarray(Image.open('a.jpg')).astype(int) - a).mean() < 60))",
        "font = ImageFont.truetype(matplotlib.get_data_path() + '/fonts/ttf/DejaVuSans.ttf', 20)", "ImageDraw.Draw(image).text((2, 2), 'A', font=font)",
        "return found + [font.getlength('AV') > 20, bool((np.asarray(image) != a).any())]"], [True] * 9),
    "compressed files": ("import bz2, gzip, lzma, tarfile, zipfile", [
        "for m, kind in ((bz2, 'bz2'), (gzip, 'gz'), (lzma, 'xz')):", "    with m.open('f.' + kind, 'wt') as f: f.writelines(f'{i}\\n' for i in range(50_000))",
        "    assert sum(map(int, m.open('f.' + kind, 'rt'))) == 1249975000",
        "    with tarfile.open('t.' + kind, 'w:' + kind) as t: t.add('f.' + kind)", "    assert tarfile.open('t.' + kind).getnames() == ['f.' + kind]",
        "with zipfile.ZipFile('z.zip', 'w', zipfile.ZIP_DEFLATED) as z: z.write('f.gz')", "return zipfile.ZipFile('z.zip').testzip()"], None),
    "arrays in files": ("import numpy as np", [
        "a = np.arange(300_000.0); a.tofile('raw'); np.save('a.npy', a); np.savez_compressed('a.npz', a=a); a[:99].tofile('text', sep=' ')",
        "return [float(x.sum()) for x in (np.fromfile('raw'), np.fromfile('raw', count=9, offset=80), np.load('a.npy'), np.load('a.npy', mmap_mode='r'), np.load('a.npz')['a'], np.fromfile('text', sep=' '))]"],
                        [44999850000.0, 126.0, 44999850000.0, 44999850000.0, 44999850000.0, 4851.0]),
    "arrays in files, by threads": ("import numpy as np, threading", [
        "np.arange(9.0).tofile('f'); found = []; start = threading.Barrier(8)", "def read(): start.wait(); found.append(float(np.fromfile('f').sum()))",
        "ts = [threading.Thread(target=read) for _ in range(8)]; [t.start() for t in ts]; [t.join() for t in ts]", "return found"], [36.0] * 8),
    "arrays in files, in a child": ("import numpy as np, os", [
        "np.arange(9.0).tofile('f'); pid = os.fork()", "if pid == 0: os._exit(int(np.fromfile('f').sum()))", "return [os.waitpid(pid, 0)[1] >> 8, float(np.fromfile('f').sum())]"], [36, 36.0]),
    "identifiers": ("import uuid", ["found = [uuid.uuid1() for _ in range(99)]; return [len(set(found)), {u.version for u in found} == {1}, sorted(u.time for u in found) == [u.time for u in found]]"],
                    [99, True, True]),
    "waiting for a lock": ("import multiprocessing", ["lock = multiprocessing.Lock(); return [lock.acquire(timeout=1), lock.acquire(timeout=0.01)]"], [True, False]),
    "hulls": ("import numpy as np\nfrom scipy import spatial", [
        "cube = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)] + [[0.5] * 3], dtype=float); hull = spatial.ConvexHull(cube)",
        "try: spatial.ConvexHull(np.arange(9.0)[:, None] * np.ones(3))", "except spatial.QhullError as e: flat = 'simplex is flat' in str(e)",
        "return [round(hull.volume, 6), round(hull.area, 6), len(hull.vertices), len(spatial.Delaunay([[0, 0], [0, 1], [1, 0.1], [1, 1]]).simplices), flat]"], [1.0, 6.0, 8, 2, True]),
    "linear programs": ("from scipy.optimize import linprog, milp, LinearConstraint", [
        "found = [linprog([-1, -2], [[1, 1], [1, 0]], [4, 3], method=m) for m in ('highs', 'highs-ds', 'highs-ipm')]",
        "whole = milp([-1, -1], integrality=[1, 1], constraints=LinearConstraint([[2, 1], [1, 2]], ub=[4.5, 4.5]))",
        "return [[round(float(r.fun), 5) for r in found], round(float(whole.fun), 5)]"], [[-8.0, -8.0, -8.0], -2.0]),
    "sparse equations": ("import numpy as np\nfrom scipy import sparse\nfrom scipy.sparse.linalg import eigsh, spilu, splu", [
        "a = sparse.diags([-1, 2, -1], [-1, 0, 1], (50, 50), format='csc'); b = np.ones(50)",
        "return [bool(np.allclose(a @ f(a).solve(b), b)) for f in (splu, spilu)] + [round(float(eigsh(a, 1)[0][0]), 4)]"], [True, True, 3.9962]),
    "Fortran that prints": ("from scipy.optimize import minimize", ["r = minimize(lambda x: (x[0] - 1) ** 2, [5], method='L-BFGS-B', options={'iprint': 0}); return round(float(r.x[0]), 4)"], 1.0),
}


@pytest.mark.parametrize("name", CALLERS)
def test_libraries_that_have_the_kernel_write(service, cold, name):
    before, body, result = CALLERS[name]
    text = before + "\n" + "def main():\n" + "".join(f"    {line}\n" for line in body)
    for server in (cold, service, service):
        answer = server.execute(text)
        assert answer.status == 200 and answer.json.get("stderr") is None, answer
        assert answer.json["result"] == result, answer


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
