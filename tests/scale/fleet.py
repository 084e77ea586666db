"""Instances of the service behind haproxy: started, killed as a machine dies, drained, added."""
import contextlib
import os
import pathlib
import signal
import subprocess

from support import procs
from support.balancer import Balancer
from support.client import Client
from support.server import Server

FLAGS = ["--slots=4", "--grace-seconds=35", "--preload=none"]


class Fleet:
    def __init__(self, folder, names, changes=None):
        self.folder, self.instances = pathlib.Path(folder), {}
        for name in names:
            self.start(name)
        self.balancer = Balancer(folder, {name: self.instances[name].port for name in names}, changes)

    def start(self, name):
        self.instances[name] = Server(self.folder / f"{name}.log", *FLAGS)

    def running(self, name):
        """Scripts that this instance runs now, by its own word."""
        client = Client(self.instances[name].port)
        try:
            return client.get("/ready").json["running"]
        finally:
            client.close()

    def kill(self, name):
        """All processes of it at once, with no time for a last word. How many scripts it was running."""
        instance = self.instances[name]
        running = procs.poll(lambda: self.running(name), 10, f"{name} runs scripts")
        for sent in (signal.SIGSTOP, signal.SIGKILL):  # stopped first, so that none sees another one go
            for pid in [instance.pid, *procs.descendants(instance.pid)]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, sent)
        instance.process.wait(10)
        return running

    def drain(self, name):
        """SIGTERM. How many scripts it was running; its exit status comes from drained()."""
        running = procs.poll(lambda: self.running(name), 10, f"{name} runs scripts")
        self.instances[name].process.send_signal(signal.SIGTERM)
        return running

    def drained(self, name):
        return self.instances[name].process.wait(40)

    def add(self, name):
        """A new instance, in a server slot that the balancer has to spare; its name is that of the slot."""
        self.start(name)
        answers = [self.balancer.command(f"set server instances/{name} {words}")
                   for words in (f"addr 127.0.0.1 port {self.instances[name].port}", "state ready")]
        procs.poll(lambda: self.balancer.are_up([name]), 10, f"{name} is up: {answers}")

    def stop(self):
        self.balancer.stop()
        for instance in self.instances.values():
            try:
                instance.process.terminate()
                instance.process.wait(40)
            except subprocess.TimeoutExpired:
                instance.process.kill()
