"""Where a server runs, as a test reaches into it: this machine, a container on it, or a virtual one.
launch.py of tests/environments says how, in place.json."""
import contextlib
import json
import os
import pathlib
import shlex
import socket
import subprocess

from support import procs


class Machine:
    """This machine itself, or a container whose files and processes are seen from it."""
    sealed = False

    def __init__(self, root=""):
        self.root = root

    def path(self, path):
        """Of a file there, as it is reached from here."""
        return pathlib.Path(self.root + path)

    def pids(self, first):
        """What the service's processes are called there; first: what the first one is called here."""
        found = []
        for pid in [first, *procs.descendants(first)]:
            try:
                found.append(int(procs.status(pid)["NSpid"].split()[-1]))
            except (FileNotFoundError, ProcessLookupError):
                pass  # it has ended meanwhile
        return found

    def plant(self, path, text, mode):
        target = self.path(path)
        target.write_text(text)
        target.chmod(mode)

    def remove(self, path):
        self.path(path).unlink()

    def exists(self, path):
        return os.path.lexists(self.root + path)

    def with_argument(self, token):
        """Pids of the processes whose command line contains token."""
        return procs.with_argument(token)

    @contextlib.contextmanager
    def listener(self, path):
        """A UNIX socket that listens at path."""
        folder, name = os.path.split(self.root + path)
        fd = os.open(folder, os.O_PATH)
        short = f"/proc/self/fd/{fd}/{name}"  # an address has room for 108 bytes
        try:
            with socket.socket(socket.AF_UNIX) as server:
                server.bind(short)
                os.chmod(short, 0o777)
                server.listen()
                yield
            os.unlink(short)
        finally:
            os.close(fd)


LISTEN = "import os, socket, sys, time; s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); os.chmod(sys.argv[1], 0o777); " \
         "s.listen(); time.sleep(60)"


class Sealed(Machine):
    """Its processes are seen from inside only: by running a shell there."""
    sealed = True

    def __init__(self, root, execute):
        super().__init__(root)
        self.execute = execute

    def shell(self, text):
        done = subprocess.run([*self.execute, "/bin/sh", "-c", text], stdin=subprocess.DEVNULL, capture_output=True, text=True)
        assert done.returncode in (0, 1), (text, done.stdout, done.stderr)
        return done.stdout

    def with_command_line(self, pattern):
        """Status 1: there is none, 2: one has ended meanwhile."""
        lines = self.shell(f"grep -ls {pattern} /proc/[0-9]*/cmdline; [ $? -le 2 ] || exit 3").split()
        return [int(line.split("/")[2]) for line in lines]

    def pids(self, first):
        return self.with_command_line("code-runne[r]")

    def with_argument(self, token):
        pattern = f"[{token[0]}]{token[1:]}"  # does not find the shell that looks
        return self.with_command_line(shlex.quote(pattern))

    @contextlib.contextmanager
    def listener(self, path):
        self.shell(f"python3 -c {shlex.quote(LISTEN)} {path} >/dev/null 2>&1 & "
                   f"for i in 1 2 3 4 5 6 7 8 9; do [ -S {path} ] && exit; sleep 1; done; exit 3")
        yield


class Virtual(Sealed):
    """A machine with a disk of its own."""

    def __init__(self, execute):
        super().__init__("", execute)

    def plant(self, path, text, mode):
        self.shell(f"printf %s {shlex.quote(text)} > {path} && chmod {mode:o} {path}")

    def remove(self, path):
        self.shell(f"rm {path}")

    def exists(self, path):
        return self.shell(f"[ -e {path} ] || [ -L {path} ] && echo yes") == "yes\n"


def of(state):
    """The place of a server that launch.py started with this STATE, and the pid of its first process
    where that is seen from here."""
    facts = json.loads((state / "place.json").read_text())
    if facts["kind"] == "virtual":
        return Virtual(facts["execute"]), None
    if facts["kind"] == "sealed":
        return Sealed(facts["root"], facts["execute"]), None
    pid = int(pathlib.Path(facts["pid_file"]).read_text())
    return Machine(facts["root"] or f"/proc/{pid}/root"), pid
