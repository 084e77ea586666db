"""Memory, time and output of a script are bounded, however it goes about it."""
import subprocess

import pytest

from attempts import script
from support import control
from support.client import Client

MB = 10**6
MEMORY = {  # name: a script that takes 480 MB and says that it has them
    "one process": script("return len(bytearray(b'x') * 480_000_000)"),
    "many together": script(
        "r, w = os.pipe()", "for _ in range(6):", "    if os.fork() == 0:",
        "        held = bytearray(b'x') * 80_000_000; os.write(w, b'.'); time.sleep(30); os._exit(0)",
        "os.close(w); got = 0", "while got < 6:", "    piece = os.read(r, 6)", "    if not piece: return 'children died'", "    got += len(piece)",
        "return got * 80_000_000"),
    "memfd": script("fd = os.memfd_create('x')", "import resource", "pieces = 0",
                    "fds = [os.memfd_create('x') for _ in range(60)]", "for fd in fds: pieces += os.write(fd, b'x' * 8_000_000)", "return pieces"),
    "anonymous shared": script("import mmap", "m = mmap.mmap(-1, 480_000_000)", "for at in range(0, 480_000_000, 4096): m[at] = 1", "return 480_000_000"),
    "pipes and sockets": script("import fcntl", "held, total = [], 0", "while total < 480_000_000 and len(held) < 900:",
                                "    r, w = os.pipe(); held += [r, w]; size = fcntl.fcntl(w, 1031, 1 << 20)",
                                "    os.set_blocking(w, False); total += os.write(w, b'x' * size)", "return total"),
    "tmpfs": script("for n in range(60):", "    with open(f'/tmp/{n}', 'wb') as f: f.write(b'x' * 8_000_000)", "return 480_000_000"),
    "dev shm": script("for n in range(60):", "    with open(f'/dev/shm/{n}', 'wb') as f: f.write(b'x' * 8_000_000)", "return 480_000_000"),
    "tmpfs and process": script("for n in range(22):", "    with open(f'/tmp/{n}', 'wb') as f: f.write(b'x' * 8_000_000)",
                                "held = bytearray(b'x') * 304_000_000", "return len(held) + 22 * 8_000_000"),
}
# What may stop it besides the memory limit: the scratch space is full, or pipes run out of their own allowance.
ALSO = {"tmpfs": "ENOSPC", "dev shm": "ENOSPC", "tmpfs and process": "ENOSPC", "pipes and sockets": None}


@pytest.mark.parametrize("name", MEMORY)
def test_memory(service, name):
    if name != "pipes and sockets":
        assert control.run(MEMORY[name]).result == 480 * MB
    else:
        assert control.run(MEMORY[name], "ulimit -n 4096").result > 400 * MB
    answer = service.execute(MEMORY[name])
    assert answer.status in (200, 400), answer
    if answer.outcome == "memory":
        assert answer.json["error"] == "Memory limit exceeded (300MB limit)"
    elif name == "pipes and sockets":
        assert answer.outcome == "exception" or answer.json["result"] < 300 * MB, answer
    else:
        assert answer.outcome == "exception" and "[Errno 28]" in answer.json["error"] and ALSO.get(name) == "ENOSPC", answer
    assert service.execute("def main():\n    return 1\n").status == 200


FOREVER = {
    "loop": script("while True: pass"),
    "loop at import": "while True:\n    pass\ndef main():\n    return 1\n",
    "in C": script("return sum(range(10**13))"),
    "regular expression": script("import re", "return bool(re.match('(a+)+$', 'a' * 60 + 'b'))"),
    "big number": script("return 7 ** (10 ** 9) % 10"),
    "asleep": script("time.sleep(10**6)"),
    "SIGALRM and all others ignored": script("import signal", "for n in signal.valid_signals():",
                                             "    attempt(signal.signal, n, signal.SIG_IGN)", "while True: pass"),
    "all signals blocked": script("import signal", "signal.pthread_sigmask(0, signal.valid_signals())", "while True: pass"),
    "alarm taken away": script("import signal", "signal.alarm(0); signal.setitimer(signal.ITIMER_REAL, 0)", "while True: pass"),
    "exceptions swallowed": script("while True:", "    try:", "        while True: pass", "    except BaseException: pass"),
    "in a child": script("subprocess.run(['sleep', '1000000'])"),
    "in a thread": script("import threading", "t = threading.Thread(target=threading.Event().wait)", "t.start(); t.join()"),
}


@pytest.mark.parametrize("name", FOREVER)
def test_time(hasty, name):
    with pytest.raises(subprocess.TimeoutExpired):
        control.run(FOREVER[name], timeout=0.8)
    answer = hasty.execute(FOREVER[name])
    assert (answer.status, answer.outcome) == (400, "timeout"), answer
    assert 0.9 < answer.seconds < 2.5, answer.seconds


FLOODS = {
    "stdout": script("for _ in range(64): os.write(1, b'x' * (1 << 20))", "return 'flooded'"),
    "stderr": script("for _ in range(64): os.write(2, b'x' * (1 << 20))", "return 'flooded'"),
    "a child": script("subprocess.run(['head', '-c', '64M', '/dev/zero'], check=True)", "return 'flooded'"),
    "small lines": script("for _ in range(64): os.write(1, b'x\\n' * 500000)", "return 'flooded'"),
    "NULs, six times as long in JSON": script("for _ in range(64): os.write(1, bytes(1 << 20))", "return 'flooded'"),
}


@pytest.mark.parametrize("name", FLOODS)
def test_output_flood(service, name):
    assert control.run(FLOODS[name]).result == "flooded"
    answer = service.execute(FLOODS[name])
    assert (answer.status, answer.outcome) == (400, "output"), answer
    assert answer.json["error"] == "Output limit exceeded (10MB limit)"
    assert answer.seconds < 4


def test_flood_does_not_slow_health(service):
    import threading
    endless = script("while True: os.write(2, b'x' * 65536)")
    clients = [Client(service.port) for _ in range(3)]
    threads = [threading.Thread(target=client.execute, args=(endless,)) for client in clients]
    for thread in threads:
        thread.start()
    slowest = 0
    while any(thread.is_alive() for thread in threads):
        slowest = max(slowest, service.client.get("/health").seconds)
    assert slowest < 0.5
