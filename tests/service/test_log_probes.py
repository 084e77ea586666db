"""Probes in the log: one line when their status changes, or all of them on request."""
import re

import pytest

from support import procs
from support.client import execute_bytes
from support.log_events import event_of, events, post
from support.scripts import PLAIN, SLEEPS

pytestmark = pytest.mark.mode_independent


@pytest.fixture(scope="module")
def server(start_server):
    return start_server("--slots=1", "--log=json")


@pytest.mark.parametrize("path", ["/health", "/ready", "/metrics"])
def test_a_probe_without_news_is_not_logged_and_has_an_id_all_the_same(server, path):
    answer = server.client.request("GET", path, headers={"X-Request-Id": f"probe{path[1:]}"})
    assert (answer.status, answer.headers["X-Request-Id"]) == (200, f"probe{path[1:]}")
    post(server, PLAIN, f"after{path[1:]}")
    event_of(server, f"after{path[1:]}")
    assert f"probe{path[1:]}" not in server.log()


def test_a_probe_with_news_is_logged_once(start_server):
    server = start_server("--slots=1", "--queue=0", "--log=json")
    def changes():
        return [event["httpRequest"]["status"] for event in events(server) if event.get("message", "").startswith("GET /ready ")]
    server.client.request("GET", "/nope", headers={"X-Request-Id": "after-the-start"})
    event_of(server, "after-the-start")  # what was logged before it is there too
    begun = changes()
    assert begun in ([503, 200], [])  # however often it was asked before it was ready; it may not have been
    with server.raw() as busy:
        busy.send(execute_bytes(SLEEPS))
        procs.poll(lambda: server.client.get("/ready").status == 503, 3, "busy")
        for _ in range(5):
            server.client.get("/ready")
            server.client.get("/health")
    procs.poll(server.is_ready, 3, "ready again")
    procs.poll(lambda: changes() == [*begun, 503, 200], 3, "two more lines")
    assert "/health" not in server.log()


def test_probes_on_request_in_text(start_server):
    server = start_server("--slots=1", "--log-probes")
    server.client.request("GET", "/health", headers={"X-Request-Id": "probe-2"})
    line = procs.poll(lambda: [line for line in server.log().splitlines() if 'request_id="probe-2"' in line], 3, "a line")[0]
    assert re.fullmatch(r'\S+Z info request method="GET" path="/health" status=200 total_ms=\S+ request_bytes=0 response_bytes=21 '
                        r'client="127.0.0.1" request_id="probe-2"', line)
    server.client.request("HEAD", "/health", headers={"X-Request-Id": "probe-3"})
    assert procs.poll(lambda: [line for line in server.log().splitlines() if 'probe-3' in line and 'response_bytes=0 ' in line], 3, "HEAD")
