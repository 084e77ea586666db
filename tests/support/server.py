"""Owns one running code-runner: starts it on a free loopback port, waits until it is ready, stops
it by its pid. CODE_RUNNER names another binary, CODE_RUNNER_FLAGS adds flags to every start,
CODE_RUNNER_ENVIRONMENT names an environment of tests/environments/rows.py that every server runs in.
"""
import contextlib
import functools
import itertools
import os
import pathlib
import random
import re
import shlex
import signal
import socket
import subprocess
import sys
import tempfile

from support import place, procs
from support.client import TIME_FACTOR, Client, Raw

TOP = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("CODE_RUNNER", str(TOP / "build" / "code-runner"))
ENVIRONMENT = os.environ.get("CODE_RUNNER_ENVIRONMENT")
# What AddressSanitizer says of a process that runs on a stack of its own, as inits do: no fault.
ASAN_NOTE = re.compile(r"^==\d+==WARNING: ASan is ignoring requested .*\n.*\nFor details see .*\n", re.MULTILINE)
# Ports for servers: below those that the kernel gives to clients, in blocks of one test process each.
FIRST_PORT, PORTS, BLOCKS = 10000, 500, 44


@functools.cache
def own_ports():
    """The numbers of a block that no other test process of this network has while this one lives, again and again. Who
    has it shows by an abstract name, which is gone with the process."""
    for block in random.sample(range(BLOCKS), BLOCKS):
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0code-runner-tests-ports-{block}")
        except OSError:
            claim.close()
            continue
        return claim, itertools.cycle(range(FIRST_PORT + block * PORTS, FIRST_PORT + (block + 1) * PORTS))
    raise AssertionError("every block of ports is in use")


def free_port():
    """Nobody listens there, and no other test process will choose it before the server binds it."""
    for port in itertools.islice(own_ports()[1], PORTS):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port of the block is free")


def launcher(state, variables):
    """What starts a binary in ENVIRONMENT."""
    given = [word for item in variables.items() for word in ("-e", "=".join(item))]
    return [sys.executable, str(TOP / "tests" / "environments" / "launch.py"), ENVIRONMENT, str(state), *given, "--"]


class Server:
    def __init__(self, log_path, *flags, environment=None, wrapper=()):
        """wrapper: a command that execs what follows it."""
        self.port, self.log_path = free_port(), log_path
        command = [*wrapper, BINARY, f"--port={self.port}", "--address=127.0.0.1", *flags]
        command += shlex.split(os.environ.get("CODE_RUNNER_FLAGS", ""))
        self.place = place.Machine()
        if ENVIRONMENT:
            state = pathlib.Path(tempfile.mkdtemp(dir=pathlib.Path(log_path).parent)) / ENVIRONMENT
            command = [*launcher(state, environment or {}), *command]
        with open(log_path, "wb") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env={**os.environ, **(environment or {})})
        self.pid = self.process.pid
        self.client = Client(self.port)
        try:
            procs.poll(self.is_ready, 60 * TIME_FACTOR, "/ready answers 200")
            if ENVIRONMENT:
                self.place, self.pid = place.of(state)
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise

    def is_ready(self):
        assert self.process.poll() is None, f"exited with {self.process.returncode}: {self.log()}"
        # A short time: what is sent on to a container that has just ended is never answered.
        client = Client(self.port, timeout=3 * TIME_FACTOR)
        try:
            return client.get("/ready").status == 200
        except OSError:
            return False
        finally:
            client.close()

    @functools.cached_property
    def layers(self):
        """Names of what holds around a script here."""
        return frozenset(self.client.get("/ready").json["layers"])

    def execute(self, script, **fields):
        return self.client.execute(script, **fields)

    def raw(self):
        return Raw(self.port)

    def server_pid(self):
        """The process that speaks HTTP: it listens, and is not the monitor."""
        pids = [pid for pid in procs.listens_on(self.port) if pid != self.pid]
        assert len(pids) == 1, f"listeners: {pids}"
        return pids[0]

    def zygote_pid(self):
        """The monitor's other child."""
        pids = [pid for pid in procs.children(self.pid) if pid != self.server_pid()]
        assert len(pids) == 1, f"children of the monitor besides the server: {pids}"
        return pids[0]

    def log(self):
        """While it runs, whole lines: who reads a file can meet the half of one that is just being written."""
        ended = self.process.poll() is not None
        text = pathlib.Path(self.log_path).read_text(errors="replace")
        return ASAN_NOTE.sub("", text if ended else text[:text.rfind("\n") + 1])

    def no_reports(self):
        reports = [line for line in self.log().splitlines() if "ERROR: AddressSanitizer" in line or ": runtime error: " in line]
        assert not reports, f"of the sanitizers: {reports}"

    def has_stopped(self):
        """It was told to: it does so soon, with status 0."""
        assert self.process.wait(15) == 0, self.log()[-4000:]
        self.no_reports()

    def stop(self):
        """SIGTERM, exit status 0, and nothing of it left."""
        self.client.close()
        if self.process.poll() is None:
            below = {pid: procs.start_time(pid) for pid in procs.descendants(self.process.pid) + procs.descendants(self.pid)}
            self.process.send_signal(signal.SIGTERM)
            try:
                status = self.process.wait(timeout=max(90, 15 * TIME_FACTOR + 30))
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise
            self.no_reports()
            assert status == 0, f"exit status {status}: {self.log()[-4000:]}"
            procs.poll(lambda: all(procs.is_dead(pid) or procs.start_time(pid) != began for pid, began in below.items()),
                       what="every process of the service is gone")
