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


def until_workers_wait(server, least=1):
    """Returns when so many are ready and have no script. Who comes before gets the one that is ready first, and waits
    for it no longer than --queue-wait-seconds."""
    procs.poll(lambda: metric(server, "code_runner_pool_ready") >= least, 30, f"{least} workers wait")


def anonymous_mb(server):
    """Of the process that speaks HTTP, MiB."""
    return int(procs.status(server.server_pid())["RssAnon"].split()[0]) / 1024
