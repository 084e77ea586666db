"""What a running service tells of itself in numbers, and what its server process holds.

Must not judge; the tests do.
"""
import re

from support import procs


def ready(server, name="running"):
    """Of /ready: how many scripts are running, or waiting."""
    return server.client.get("/ready").json[name]


def running(server):
    """How many scripts (are running, are waiting)."""
    state = server.client.get("/ready").json
    return state["running"], state["waiting"]


def metric(server, name):
    """name: with its labels, as /metrics has it."""
    return int(re.search(rf"^{re.escape(name)} (\d+)$", server.client.get("/metrics").body.decode(), re.M)[1])


def anonymous_mb(server):
    """Of the process that speaks HTTP, MiB."""
    return int(procs.status(server.server_pid())["RssAnon"].split()[0]) / 1024
