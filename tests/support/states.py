"""Servers in the states that a request may meet: locked, busy, draining, broken, crowded.

The answer is for the test to judge.
"""
import contextlib
import os
import signal

from support import procs
from support.client import JSON_TYPE, Client, execute_bytes, head
from support.gauges import until_workers_wait
from support.openapi import validate
from support.scripts import SLEEPS, marked, new_mark


class States:
    """A server in each state that is needed, started when it is."""

    def __init__(self, service, start_server):
        self.service, self.start_server, self.made = service, start_server, {}

    def post(self, path, body, headers=None, server=None):
        return (server or self.service).client.request("POST", path, body, {**JSON_TYPE, **(headers or {})})

    def get(self, path, server=None):
        return (server or self.service).client.get(path)

    def head(self, path, server=None, headers=None):
        return (server or self.service).client.request("HEAD", path, headers=headers or {})

    def locked(self):
        if "locked" not in self.made:
            self.made["locked"] = self.start_server("--slots=1", environment={"CODE_RUNNER_TOKENS": "secret"})
        return self.made["locked"]

    @contextlib.contextmanager
    def busy(self):
        """One whose only slot is taken."""
        if "busy" not in self.made:
            self.made["busy"] = self.start_server("--slots=1", "--queue=0")
        server = self.made["busy"]
        with server.raw() as raw:
            raw.send(execute_bytes(SLEEPS))
            procs.poll(lambda: server.client.get("/ready").json["running"] == 1, 5, "it runs")
            yield server
        procs.poll(lambda: server.client.get("/ready").json["running"] == 0, 5, "it has ended")

    def broken(self, path, body_of):
        """The answer to a script whose sandbox is taken away. body_of(script): a request's."""
        server, mark = self.start_server("--slots=1"), new_mark()
        body = body_of(marked(mark, 20))
        with server.raw() as raw:
            raw.send(head(path=path, Content_Type="application/json", Content_Length=len(body)) + body)
            # It counts as running before a worker has it, and one that has not is given to the next.
            procs.poll(lambda: procs.with_argument(mark), 5, "it runs")
            os.kill(server.zygote_pid(), signal.SIGKILL)
            return raw.read_answer()

    def draining(self, path, body=None, method="GET"):
        server = self.start_server("--slots=1", "--grace-seconds=20")
        with server.raw() as raw:
            raw.send(execute_bytes(SLEEPS))
            procs.poll(lambda: server.client.get("/ready").json["running"] == 1, 5, "it runs")
            server.process.send_signal(signal.SIGTERM)
            client = Client(server.port)
            procs.poll(lambda: client.get("/health").status == 503, 5, "it drains")
            answer = client.request("POST", path, body, JSON_TYPE) if body else client.request(method, path)
            client.close()
        server.has_stopped()
        return answer

    def busy_post(self, path, body):
        with self.busy() as server:
            return self.post(path, body, server=server)

    def impatient_post(self, path, body):
        """One that waits for a slot, for a second."""
        server = self.start_server("--slots=1", "--queue=1", "--queue-wait-seconds=1")
        until_workers_wait(server)
        with server.raw() as raw:
            raw.send(execute_bytes(SLEEPS))
            procs.poll(lambda: server.client.get("/ready").json["running"] == 1, 5, "it runs")
            return self.post(path, body, server=server)

    def crowded_post(self, path):
        """One large request more than may be there at once: the one that is refused hears it when it has been read."""
        server = self.start_server("--slots=1")
        size = 32 << 20
        with contextlib.ExitStack() as stack:
            raws = [stack.enter_context(server.raw()) for _ in range(5)]
            for raw in raws:
                raw.send(head(path=path, Content_Type="application/json", Content_Length=size) + b" " * (size - 1))
            answers = []
            for raw in raws:
                raw.send(b" ")
                answers.append(raw.read_answer())
        refused = [answer for answer in answers if answer.status == 503]
        assert len(refused) == 1, answers
        validate(refused[0].json, "#/components/schemas/Error")
        return refused[0]

    def busy_get(self, path):
        with self.busy() as server:
            return self.get(path, server)
