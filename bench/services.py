"""What is compared: each can be started, asked once, put under load, and stopped. Must not judge numbers."""
import http.client
import json
import os
import pathlib
import shlex
import shutil
import socket
import subprocess
import sys
import time

import bwrap
from groups import Group

HERE = pathlib.Path(__file__).resolve().parent
CLIENT = os.environ.get("BENCH_CLIENT", str(HERE.parent / "build" / "bench-client"))
BINARY = os.environ.get("CODE_RUNNER", str(HERE.parent / "build" / "code-runner"))
SETTLE_S = 0.02  # what a request leaves to be done after its answer counts as its own


class Failure(Exception):
    """The comparison cannot go on."""


class Load:
    """What the client saw of one burst, and what it cost the service."""

    def __init__(self, output, cpu_us):
        lines = output.splitlines()
        wall_us, done, wrong, client_us = map(float, lines.pop().split()[1:])
        rows = [line.split(" ", 1) for line in lines]
        self.took_us = [float(row[0]) for row in rows]
        self.timings = [row[1] for row in rows]
        self.wrong = int(wrong)
        self.rate = done / (wall_us / 1e6)
        self.cpu_us = None if cpu_us is None else cpu_us / done
        self.client_us = client_us / done


class Service:
    def __init__(self, name, work):
        self.name, self.work = name, work
        self.group = Group(name)
        self.process = None

    def load(self, client_arguments):
        before_us = self.group.cpu_us()
        done = subprocess.run(client_arguments, stdout=subprocess.PIPE, text=True, check=True)
        time.sleep(SETTLE_S)
        after_us = self.group.cpu_us()
        load = Load(done.stdout, None if before_us is None else after_us - before_us)
        if load.wrong:
            raise Failure(f"{self.name}: {load.wrong} answers were not the expected one")
        return load

    def start(self):
        pass

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.group.remove()


class Http(Service):
    """A service on a loopback port."""

    ready_path = "/health"

    def __init__(self, name, work):
        super().__init__(name, work)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]

    def launch(self, command, environment=None):
        self.log = self.work / f"{self.name}.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(self.group.enter(command), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env={**os.environ, **(environment or {})})
        begin = time.monotonic()
        while True:
            try:
                if self.get(self.ready_path).status == 200:
                    break
            except OSError:
                pass
            if self.process.poll() is not None or time.monotonic() - begin > 60:
                raise Failure(f"{self.name} did not start:\n{self.log.read_text(errors='replace')}")
            time.sleep(0.01)
        self.start_s = time.monotonic() - begin

    def ask(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
        answer = connection.getresponse()
        answer.body = answer.read()
        connection.close()
        return answer

    def get(self, path):
        return self.ask("GET", path)

    def first(self, source):
        answer = self.ask("POST", "/execute", json.dumps({"script": source}))
        if answer.status != 200:
            raise Failure(f"{self.name} answers {answer.status}: {answer.body[:500]}")
        return answer.body

    def under_load(self, script, *arguments):
        body = json.dumps({"script": script.source})
        request = self.work / f"{script.name}.request"
        request.write_text(f"POST /execute HTTP/1.1\r\nHost: localhost:{self.port}\r\n"
                           f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}")
        expect = self.work / f"{self.name}.{script.name}.expect"
        return self.load([CLIENT, f"--port={self.port}", f"--request={request}", f"--expect={expect}", *arguments])


class Ours(Http):
    ready_path = "/ready"

    def __init__(self, name, work, *flags):
        super().__init__(name, work)
        self.flags = flags

    def start(self):
        binary = self.work / "code-runner"  # a copy: a build meanwhile changes nothing
        if not binary.exists():
            shutil.copy(BINARY, binary)
        self.launch([str(binary), "--address=127.0.0.1", f"--port={self.port}",
                     *shlex.split(os.environ.get("CODE_RUNNER_FLAGS", "")), *self.flags])


class Flask(Http):
    """gunicorn with as many workers as our service has slots: two for each processor, at most four."""

    def start(self):
        workers = min(4, 2 * len(os.sched_getaffinity(0)))
        self.launch(["/usr/bin/gunicorn", f"--workers={workers}", f"--bind=127.0.0.1:{self.port}",
                     f"--chdir={HERE}", "flask_bwrap:app"], {"FONT_DIRECTORY": str(self.work / "fonts")})


class Bwrap(Service):
    """No service: the client starts the sandbox itself."""

    def first(self, source):
        return subprocess.run(bwrap.bare(self.work / "fonts", source), stdout=subprocess.PIPE, check=True).stdout

    def under_load(self, script, *arguments):
        expect = self.work / f"{self.name}.{script.name}.expect"
        return self.load(self.group.enter([CLIENT, f"--expect={expect}", *arguments, "--",
                                           *bwrap.bare(self.work / "fonts", script.source)]))


class Limit(Service):
    """The warm interpreter: see warm_limit.py."""

    def start(self):
        self.process = subprocess.Popen(
            self.group.enter([bwrap.PYTHON, "-I", str(HERE / "warm_limit.py")]), stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, env={**bwrap.ENVIRONMENT, "MPLCONFIGDIR": str(self.work / "fonts")})

    def wait_ready(self):
        """Starting takes seconds: what else starts may do so meanwhile."""
        if self.process.stdout.readline() != "ready\n":
            raise Failure(f"{self.name} did not start")

    def answer(self, script, count=1):
        self.process.stdin.write(f"{script.name} {count}\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def run(self, script, count):
        """What each of count runs took, in microseconds."""
        given = self.answer(script, count)
        if given["answer"] != script.expected:
            raise Failure(f"{self.name}: {script.name} gives {given['answer']}")
        return given["took_us"]


def make_font_list(work):
    """What matplotlib makes on its first import, for those who start a new interpreter each time."""
    fonts = work / "fonts"
    fonts.mkdir()
    subprocess.run([bwrap.PYTHON, "-I", "-c", "import matplotlib.font_manager"], check=True,
                   env={"PATH": "/usr/bin", "MPLCONFIGDIR": str(fonts), "HOME": str(work)}, stderr=sys.stderr)
