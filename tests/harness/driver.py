"""Drives sandbox/harness over its channel as the worker does, without a sandbox around it."""

import atexit
import functools
import os
import runpy
import select
import signal
import socket
import struct
import subprocess
import tempfile
import time
from pathlib import Path

HARNESS = Path(__file__).resolve().parents[2] / "sandbox" / "harness"
PYTHON = "/usr/bin/python3.11"
SCRIPT, RUN, READY, RESULT, ERROR = 1, 2, 16, 18, 19


def pack_harness(source, target):
    """Makes what cold workers execute; its path."""
    runpy.run_path(str(source / "load.py"), run_name="load")["pack"](str(source), str(target))
    return target / "load.pyc"


@functools.cache
def packed_harness():
    """In a directory that goes with this process."""
    directory = tempfile.TemporaryDirectory(prefix="packed-")
    atexit.register(directory.cleanup)
    return pack_harness(HARNESS, Path(directory.name))


class Answer:
    """One run: the frames that came, the exit status, what was printed."""

    def __init__(self):
        self.frames, self.status, self.stdout, self.stderr, self.seconds = [], None, b"", b"", 0.0

    @property
    def result(self):
        assert [kind for kind, _ in self.frames] == [RESULT], (self.frames, self.stderr)
        return self.frames[0][1].decode()

    @property
    def error(self):
        assert [kind for kind, _ in self.frames] == [ERROR], (self.frames, self.stderr)
        word, message, traceback = self.frames[0][1].split(b"\0")
        assert len(message) <= 4096 and len(traceback) <= 16384
        return word.decode(), message.decode(), traceback.decode()


class Harness:
    """A harness that waits for frames; its directory is gone with it."""

    def __init__(self, environment=()):
        self.directory = tempfile.TemporaryDirectory(prefix="harness-")
        self.channel, theirs = socket.socketpair()
        env = {"PATH": "/usr/bin:/bin", "HOME": self.directory.name, "TMPDIR": self.directory.name}
        env |= {"MPLBACKEND": "Agg", "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        env |= dict(environment)

        def place_channel():
            if theirs.fileno() != 3:
                os.dup2(theirs.fileno(), 3)
            os.set_inheritable(3, True)

        self.process = subprocess.Popen(
            [PYTHON, "-I", "-X", "utf8", "-B", str(packed_harness())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self.directory.name,
            env=env,
            preexec_fn=place_channel,
            pass_fds=[3],
            start_new_session=True,
        )
        theirs.close()

    def send(self, kind, payload=b""):
        try:
            self.channel.sendall(struct.pack("=II", kind, len(payload)) + payload)
        except BrokenPipeError:
            pass  # it did not like what came before, and has left: its status tells

    def receive(self, seconds=60):
        """The next frame; None at the end of the channel."""
        deadline, data, need = time.monotonic() + seconds, b"", 8
        while len(data) < need:
            self.channel.settimeout(max(deadline - time.monotonic(), 0.01))
            try:
                piece = self.channel.recv(min(need - len(data), 1 << 20))
            except ConnectionResetError:
                piece = b""
            if not piece:
                assert not data, f"the channel ended within a frame: {data[:100]}"
                return None
            data += piece
            if len(data) == 8:
                need = 8 + struct.unpack("=II", data)[1]
        return struct.unpack("=II", data[:8])[0], data[8:]

    def finish(self, answer, seconds=60):
        """Reads what was printed until the harness's process is gone; children may hold the pipes."""
        deadline = time.monotonic() + seconds
        streams = {self.process.stdout: "stdout", self.process.stderr: "stderr"}
        for stream in streams:
            os.set_blocking(stream.fileno(), False)
        while True:
            ended = self.process.poll() is not None
            for stream in select.select(list(streams), [], [], 0 if ended else 0.02)[0]:
                data = stream.read()
                if data:
                    name = streams[stream]
                    setattr(answer, name, getattr(answer, name) + data)
            if ended:
                break
            assert time.monotonic() < deadline, "the harness did not end"
        answer.status = self.process.returncode

    def close(self):
        try:
            os.killpg(self.process.pid, signal.SIGKILL)  # what a script left behind, too
        except ProcessLookupError:
            pass
        self.process.communicate()
        self.channel.close()
        self.directory.cleanup()
