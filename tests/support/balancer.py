"""haproxy with deploy/haproxy/haproxy.cfg, in which addresses are replaced and checks have more time; and its runtime socket.

Must not judge.
"""
import csv
import pathlib
import socket
import subprocess

from support import procs
from support.server import TOP, free_port

SHIPPED = TOP / "deploy" / "haproxy" / "haproxy.cfg"
SERVERS = {"one": "192.0.2.11:8080", "two": "192.0.2.12:8080", "three": "192.0.2.13:8080"}
# An instance on a machine that stands still for some seconds is not down.
PATIENT = {"timeout queue 30s": "timeout queue 30s\n    timeout check 15s"}


def written(replacements):
    """The shipped configuration with each text replaced, which must be there exactly once."""
    text = SHIPPED.read_text()
    for old, new in replacements.items():
        assert text.count(old) == 1, f"{text.count(old)} times in {SHIPPED.name}: {old!r}"
        text = text.replace(old, new)
    return text


class Balancer:
    def __init__(self, folder, ports, changes=None):
        """ports: of the instances one, two, three. changes: further {text: replacement}."""
        self.folder, self.port, self.statistics_port = pathlib.Path(folder), free_port(), free_port()
        self.control = self.folder / "admin.sock"
        replacements = {"bind :8080": f"bind 127.0.0.1:{self.port}", "bind 127.0.0.1:8404": f"bind 127.0.0.1:{self.statistics_port}",
                        "/run/haproxy/admin.sock": str(self.control), **PATIENT, **(changes or {})}
        for name, address in SERVERS.items():
            replacements[f"server {name} {address}"] = f"server {name} 127.0.0.1:{ports[name]}"
        (self.folder / "haproxy.cfg").write_text(written(replacements))
        with open(self.folder / "haproxy.log", "wb") as log:
            self.process = subprocess.Popen(["haproxy", "-f", str(self.folder / "haproxy.cfg")], stdout=log, stderr=log)
        try:
            procs.poll(lambda: self.are_up(SERVERS), 10, "all instances are up")
        except BaseException:
            self.stop()
            raise

    def command(self, text):
        with socket.socket(socket.AF_UNIX) as control:
            control.connect(str(self.control))
            control.sendall(text.encode() + b"\n")
            return control.makefile().read().strip()

    def rows(self):
        """{server: {column: text}} of the instances, and BACKEND."""
        lines = self.command("show stat").removeprefix("# ").splitlines()
        return {row["svname"]: row for row in csv.DictReader(lines) if row["pxname"] == "instances"}

    def are_up(self, names):
        assert self.process.poll() is None, self.log()
        try:
            rows = self.rows()
        except (FileNotFoundError, ConnectionRefusedError):
            return False
        return all(rows[name]["status"] == "UP" and rows[name]["check_status"] == "L7OK" for name in names)

    def log(self):
        return (self.folder / "haproxy.log").read_text(errors="replace")

    def stop(self):
        self.process.terminate()
        self.process.wait(10)
