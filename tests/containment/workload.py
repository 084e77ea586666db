"""Runs the libraries hard, to be run under the system call policy: what a script of a user may well
do, in one process after the other. Prints `done` at the end."""

import asyncio
import concurrent.futures
import ctypes
import fcntl
import gc
import hashlib
import inspect
import mmap
import multiprocessing
import os
import pathlib
import select
import selectors
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

os.environ.setdefault("MPLBACKEND", "Agg")


def double(number):
    return 2 * number


def numbers():
    import matplotlib.pyplot as plt
    import numpy as np
    import pandas as pd
    import scipy.fft
    import scipy.linalg
    import scipy.optimize
    import scipy.sparse.linalg
    import seaborn as sns
    from sklearn.cluster import KMeans
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression

    a = np.random.default_rng(1).normal(size=(300, 300))
    scipy.linalg.svd(a @ a.T)
    scipy.fft.fft2(a)
    scipy.optimize.minimize(lambda x: (x**2).sum(), np.ones(5))
    scipy.sparse.linalg.svds(scipy.sparse.random(200, 200, 0.1, random_state=1), 3)
    np.save("a.npy", a)
    np.load("a.npy", mmap_mode="r").sum()
    frame = pd.DataFrame({"k": np.arange(1000) % 7, "v": np.random.rand(1000)})
    frame.groupby("k").agg(["mean", "std"])
    frame.to_csv("f.csv")
    frame.to_pickle("f.pkl.gz")
    pd.read_csv("f.csv").merge(frame, on="k").describe()
    frame.to_sql("t", sqlite3.connect("f.db"))
    labels = (a[:, 0] > 0).astype(int)
    LogisticRegression().fit(a, labels)
    RandomForestClassifier(10, n_jobs=2).fit(a, labels)
    KMeans(3, n_init=2).fit(a)
    sns.histplot(frame.v)
    plt.savefig("p.png")
    plt.savefig("p.pdf")
    plt.savefig("p.svg")


def files():
    with tempfile.TemporaryDirectory(dir=".") as name:
        path = pathlib.Path(name) / "x"
        path.write_text("x" * 100_000)
        shutil.copy2(path, path.with_suffix(".y"))
        shutil.copytree(name, name + "2")
        shutil.make_archive(name + "z", "zip", name)
        shutil.move(name + "2", name + "3")
        shutil.rmtree(name + "3")
        os.symlink("x", path.with_suffix(".l"))
        os.link(path, path.with_suffix(".h"))
        os.rename(path.with_suffix(".h"), path.with_suffix(".i"))
        os.chmod(path, 0o600)
        os.utime(path)
        os.truncate(path, 50)
        os.mkfifo(path.with_suffix(".f"))
        list(os.walk(name)), list(os.scandir(name)), os.statvfs(name), shutil.disk_usage(name)
        with open(path, "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            fcntl.lockf(file, fcntl.LOCK_EX)
            os.posix_fallocate(file.fileno(), 0, 100)
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_SEQUENTIAL)
            os.fsync(file)
            os.pwrite(file.fileno(), b"y", 3)
            with mmap.mmap(file.fileno(), 0) as mapped:
                mapped[0:1] = b"z"
                mapped.flush()
                mapped.madvise(mmap.MADV_WILLNEED)
        os.sync()
    tempfile.TemporaryFile().write(b"x")
    tempfile.SpooledTemporaryFile(10).write(b"x" * 20)


def database():
    base = sqlite3.connect("base.db")
    base.execute("pragma journal_mode=wal")
    base.execute("create table t(x)")
    base.executemany("insert into t values (?)", [(i,) for i in range(5000)])
    base.commit()
    assert base.execute("select count(*) from t").fetchone() == (5000,)
    base.execute("vacuum")
    base.close()


def processes():
    for method in ("fork", "spawn", "forkserver"):
        context = multiprocessing.get_context(method)
        with context.Pool(2) as pool:
            assert pool.map(double, range(10)) == list(range(0, 20, 2))
        queue = context.Queue()
        queue.put("x" * 100_000)
        assert len(queue.get()) == 100_000
        queue.close()
        ended = context.Process(target=time.sleep, args=(60,))
        ended.start()
        ended.terminate()
        ended.join()
    with multiprocessing.Manager() as manager:
        assert manager.list([1])[0] == 1
    with concurrent.futures.ProcessPoolExecutor(2) as pool:
        assert list(pool.map(double, range(3))) == [0, 2, 4]
    import multiprocessing.shared_memory as shared

    block = shared.SharedMemory(create=True, size=4096)
    block.buf[0] = 1
    block.close()
    block.unlink()
    assert subprocess.run(["sh", "-c", "echo $PPID | cat; ls -l / | sort | head -1; df . ; date; id"],
                          capture_output=True, text=True, check=True).stdout
    assert subprocess.run([sys.executable, "-c", "print(1)"], capture_output=True).stdout == b"1\n"
    slow = subprocess.Popen(["sleep", "60"], start_new_session=True, preexec_fn=os.getpid)
    slow.kill()
    slow.wait()
    child = os.fork()
    if child == 0:
        os._exit(3)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3
    assert subprocess.check_output("echo x | tr x y", shell=True) == b"y\n"


def threads():
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(double, range(100))) == 9900
    lock = threading.Condition()
    with lock:
        lock.wait(0.01)
    timer = threading.Timer(0.01, double, [1])
    timer.start()
    timer.join()
    hashlib.sha256(b"x" * 10_000_000).hexdigest()
    gc.collect()


def events():
    async def main():
        process = await asyncio.create_subprocess_exec("cat", stdin=-1, stdout=-1)
        out, _ = await process.communicate(b"hi")
        assert out == b"hi"
        await asyncio.to_thread(time.sleep, 0.01)
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, lambda: None)
        os.kill(os.getpid(), signal.SIGUSR1)
        await asyncio.gather(*(asyncio.sleep(0.01) for _ in range(10)))
        server = await asyncio.start_unix_server(lambda r, w: w.close(), "s.sock")
        reader, writer = await asyncio.open_unix_connection("s.sock")
        await reader.read()
        writer.close()
        server.close()

    asyncio.run(main())
    left, right = socket.socketpair()
    left.send(b"x")
    left.settimeout(0.01)
    socket.send_fds(left, [b"f"], [0])
    socket.recv_fds(right, 10, 1)
    signal.signal(signal.SIGALRM, lambda *_: None)
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    signal.sigtimedwait([signal.SIGUSR2], 0.05)
    select.select([right], [], [], 0)
    select.poll().poll(0)
    selectors.DefaultSelector().close()
    os.eventfd(1)
    os.pidfd_open(os.getpid())


def system():
    os.cpu_count(), os.sched_getaffinity(0), os.getloadavg(), os.uname(), os.nice(0), os.times()
    os.sched_setaffinity(0, os.sched_getaffinity(0))
    os.getrandom(8), os.getgroups(), os.getpriority(os.PRIO_PROCESS, 0)
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, resource.getrlimit(resource.RLIMIT_CORE))
    resource.getrusage(resource.RUSAGE_CHILDREN)
    ctypes.CDLL(None).getppid()
    ctypes.CFUNCTYPE(ctypes.c_int)(lambda: 1)()
    inspect.getsource(double)
    time.sleep(0.001)
    import platform

    platform.platform()
    try:
        import requests

        requests.get("http://127.0.0.1:1/", timeout=1)
    except requests.exceptions.ConnectionError:
        pass


if __name__ == "__main__":
    for part in (numbers, files, database, processes, threads, events, system):
        part()
        print(part.__name__, flush=True)
    print("done")
