"""Runs a script without the sandbox: the positive control of a containment test.

It runs as root, but in a throw-away copy of this machine: pid, mount, net, ipc and uts namespaces of
its own, a root file system whose writes vanish (an overlay on a tmpfs), time and memory bounded.
Nothing of it outlives the call.
"""
import contextlib
import hashlib
import json
import os
import pathlib
import select
import subprocess
import time

from support import memory_group

PRELUDE = r"""
set -e
mount -t tmpfs -o size=4g,mode=755 tmpfs /mnt
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work overlay /mnt/root
mount -t proc proc /mnt/root/proc
mount -t tmpfs -o size=2g,mode=1777 tmpfs /mnt/root/dev
mknod -m 666 /mnt/root/dev/null c 1 3; mknod -m 666 /mnt/root/dev/zero c 1 5; mknod -m 666 /mnt/root/dev/urandom c 1 9
mkdir -m 1777 /mnt/root/dev/shm
ulimit -v 8000000 -f 100000 -t 20 -c 0
"""
# The answer goes to descriptor 9, so that a script may do to stdout what it likes.
RUN = r"""
import json, os, sys, types
module = types.ModuleType("script")
sys.modules["script"] = module
open("/tmp/script.py", "w").write(sys.argv[1])
module.__file__ = "/tmp/script.py"
sys.dont_write_bytecode = True
os.chdir("/tmp")
exec(compile(sys.argv[1], "/tmp/script.py", "exec"), module.__dict__)
result = json.dumps(module.main())
os.write(9, result.encode())
os._exit(0)
"""


# Nobody's, no service's, and no other suite's that runs at the same time: `ulimit -u` counts all of a uid.
STRANGER = 100000 + os.getpid()


class Control:
    def __init__(self, result, stdout, status, stderr):
        self.result, self.stdout, self.status, self.stderr = result, stdout, status, stderr


def command(script, before, own_network, uid):
    network = ["--net"] if own_network else []
    shell = PRELUDE + "ROOT=/mnt/root\n" + ("ip link set lo up\n" if own_network else "") + before
    # A change of uid takes the signal away that ends it when unshare is gone: prctl(2).
    user = f"setpriv --reuid={uid} --regid={uid} --clear-groups --pdeathsig=KILL" if uid else ""
    shell += f'\nexec 9>&3 3>&-; exec chroot $ROOT {user} /usr/bin/python3 -I -c "$0" "$1"\n'
    return ["unshare", "--mount", "--pid", "--ipc", "--uts", *network, "--fork", "--kill-child",
            "bash", "-c", 'exec 3>&1 1>&2; ' + shell, RUN, script]


def variables(more=None):
    """The environment. By OUTSIDE a script knows that it is a control."""
    return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1", "OUTSIDE": "1", **(more or {})}


def start(script, before="", own_network=True, environment=None, timeout=60, uid=0, crowd=False):
    """Runs script's main() as plain /usr/bin/python3 would; before is shell text that runs inside the
    copy first ("$ROOT" is its root). uid: whom the script runs as; of another than root, `ulimit -u` in
    before bounds the processes. crowd: of many processes that spin, or that lose their priority to those
    of others: they share the processors as one. Raises subprocess.TimeoutExpired, with everything dead."""
    with memory_group.as_one() if crowd else contextlib.nullcontext([]) as entering:
        done = subprocess.run([*entering, *command(script, before, own_network, uid)], capture_output=True, timeout=timeout,
                              stdin=subprocess.DEVNULL, env=variables(environment))
    result = json.loads(done.stdout) if done.stdout else None
    return Control(result, done.stderr, done.returncode, done.stderr[-2000:])


def watch(script, until, seconds, before="", uid=0, crowd=False, timeout=60):
    """Of a script that does not end: what it has written when until() was true of that and so many seconds had passed.
    None if it was not true in time, or the script has ended. Everything of it is dead then."""
    written, met, end = b"", False, time.monotonic() + timeout
    with contextlib.ExitStack() as stack:
        entering = stack.enter_context(memory_group.as_one()) if crowd else []
        process = stack.enter_context(subprocess.Popen([*entering, *command(script, before, True, uid)], stdin=subprocess.DEVNULL,
                                                       stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=variables()))
        try:
            while time.monotonic() < end and process.poll() is None:
                if select.select([process.stderr], [], [], 0.02)[0]:
                    written += os.read(process.stderr.fileno(), 65536)
                if not met and until(written):
                    met, end = True, time.monotonic() + seconds
            goes_on = process.poll() is None
        finally:
            process.kill()
        written += process.stderr.read()  # to its end: nobody is left who could write
    return written if met and goes_on else None


def run(script, before="", own_network=True, **options):
    """As start(). What it found is remembered below CODE_RUNNER_CONTROLS, if that names a directory: whoever
    runs the suite in one environment after the other asks the machine once. Not with the machine's network,
    where the service is, and not what went wrong. Which stranger it ran as makes no difference."""
    folder = os.environ.get("CODE_RUNNER_CONTROLS")
    if not folder or not own_network:
        return start(script, before, own_network, **options)
    key = hashlib.sha256(repr((script, before, sorted((options | {"uid": bool(options.get("uid"))}).items()))).encode()).hexdigest()
    path = pathlib.Path(folder) / key
    try:
        return Control(*json.loads(path.read_text()))
    except FileNotFoundError:
        found = start(script, before, **options)
    if found.status != 0 or found.result is None:
        return found
    new = path.with_suffix(f".{os.getpid()}")  # two suites may ask at the same time
    new.write_text(json.dumps([found.result, None, found.status, None]))
    new.rename(path)
    return found
