"""The log on standard output: one line an event, and nothing of a script or a secret."""
import json
import os
import re
import signal
import socket

import pytest

from support import procs
from support.client import execute_bytes, head
from support.log_events import event_of, events, post
from support.scripts import PLAIN, SLEEPS

pytestmark = pytest.mark.mode_independent

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture(scope="module")
def server(start_server):
    return start_server("--slots=2", "--log=json")


def test_every_line_is_json_from_the_first_on(server):
    texts = [event["message"] for event in events(server)]
    assert any(text.startswith("listening on 127.0.0.1 port") for text in texts), texts
    assert any(re.fullmatch(r"ready for scripts after \d+ ms", text) for text in texts), texts
    assert any(text.startswith("layers of the sandbox: ") and "seccomp" in text for text in texts), texts
    for event in events(server):
        assert event["severity"] in ("INFO", "WARNING", "ERROR")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", event["time"])


def test_a_run(server):
    answer = post(server, PLAIN, "run-1", **{"User-Agent": "test/1", "traceparent": f"00-{TRACE}-{SPAN}-01"})
    assert answer.headers["X-Request-Id"] == "run-1"
    event = event_of(server, "run-1")
    assert (event["severity"], event["message"], event["outcome"]) == ("INFO", "POST /execute 200", "success")
    request = event["httpRequest"]
    assert 0 < float(request.pop("latency").removesuffix("s")) < 10
    assert request == {"requestMethod": "POST", "requestUrl": "/execute", "status": 200, "remoteIp": "127.0.0.1", "userAgent": "test/1",
                       "requestSize": str(len(json.dumps({"script": PLAIN}))), "responseSize": str(len(answer.body))}
    assert event["logging.googleapis.com/trace"] == TRACE
    assert event["logging.googleapis.com/spanId"] == SPAN
    assert 0 <= event["queue_ms"] <= event["total_ms"] and 0 < event["run_ms"] <= event["total_ms"]
    if "cgroup" in server.layers:
        assert 1 << 16 < event["peak_memory_bytes"] < 300 << 20


def test_trace_of_google_cloud_and_a_malformed_one(server):
    post(server, PLAIN, "cloud-1", **{"X-Cloud-Trace-Context": f"{TRACE}/255;o=1"})
    event = event_of(server, "cloud-1")
    assert (event["logging.googleapis.com/trace"], event["logging.googleapis.com/spanId"]) == (TRACE, "00000000000000ff")
    post(server, PLAIN, "cloud-2", **{"X-Cloud-Trace-Context": f'{TRACE}"/255', "traceparent": "00-1-2-3"})
    assert not [name for name in event_of(server, "cloud-2") if "googleapis" in name]


OUTCOMES = {
    "exception": ("def main():\n    1/0\n", 400),
    "no_main": ("x = 1\n", 400),
    "syntax_error": ("def main(:\n", 400),
    "timeout": (SLEEPS, 400),
    "exited": ("import os\ndef main():\n    os._exit(3)\n", 400),
    "invalid_request": ("", 400),
}


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_outcomes(server, outcome):
    script, status = OUTCOMES[outcome]
    assert post(server, script, f"outcome-{outcome}", {"timeout_seconds": 1} if outcome == "timeout" else None).status == status
    event = event_of(server, f"outcome-{outcome}")
    assert (event["outcome"], event["httpRequest"]["status"], event["severity"]) == (outcome, status, "INFO")
    assert ("run_ms" in event) == (outcome != "invalid_request")


def test_an_answer_that_was_not_read_to_its_end(server):
    with server.raw() as gone:
        gone.send(execute_bytes("def main():\n    return 'x' * 9_000_000\n", X_Request_Id="half-1"))
        assert gone.socket.recv(1, socket.MSG_PEEK) == b"H"
    event = event_of(server, "half-1")
    assert (event["outcome"], event["httpRequest"]["status"]) == ("success", 200)
    assert 0 < int(event["httpRequest"]["responseSize"]) < 9_000_000


def test_a_client_that_left(server):
    with server.raw() as gone:
        gone.send(execute_bytes("def main():\n    return 'x' * 300_000\n"))  # an answer before does not count
        assert gone.read_answer().status == 200
        gone.send(execute_bytes(SLEEPS, X_Request_Id="gone-1"))
        procs.poll(lambda: server.client.get("/ready").json["running"], 3, "it runs")
    event = event_of(server, "gone-1")
    assert (event["outcome"], event["httpRequest"]["status"], event["httpRequest"]["responseSize"]) == ("cancelled", 499, "0")


@pytest.mark.parametrize("method, path, status", [("GET", "/nope", 404), ("GET", "/execute", 405), ("PUT", "/health", 405)])
def test_refusals(server, method, path, status):
    name = f"refused-{method}-{status}"
    answer = server.client.request(method, path, headers={"X-Request-Id": name})
    assert (answer.status, answer.headers["X-Request-Id"]) == (status, name)
    event = event_of(server, name)
    assert event["message"] == f"{method} {path} {status}"


def test_a_project_makes_the_trace_a_resource(start_server):
    server = start_server("--slots=1", "--log=json", environment={"GOOGLE_CLOUD_PROJECT": "my-project"})
    post(server, PLAIN, "project-1", traceparent=f"00-{TRACE}-{SPAN}-01")
    assert event_of(server, "project-1")["logging.googleapis.com/trace"] == f"projects/my-project/traces/{TRACE}"


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, 'a"b', "a,b", "é", None])
def test_a_request_id_that_is_not_harmless_is_replaced(server, given):
    headers = {} if given is None else {"X-Request-Id": given.encode().decode("latin-1")}
    answer = server.client.request("GET", "/health", headers=headers)
    assert re.fullmatch("[0-9a-f]{32}", answer.headers["X-Request-Id"])
    assert answer.headers["X-Request-Id"] != server.client.get("/health").headers["X-Request-Id"]


def test_an_early_refusal_has_the_id_too(server):
    with server.raw() as raw:
        raw.send(head(Content_Type="application/json", Content_Length=1 << 40, X_Request_Id="early-1"))
        assert raw.read_answer().headers["X-Request-Id"] == "early-1"
    assert event_of(server, "early-1")["httpRequest"]["status"] == 413


def test_hostile_bytes_stay_inside_their_field(server):
    path = "/\xff\x1b[2J\"},{\"severity\":\"ERROR"
    agent = b'"\\\xff\x01\xe2\x80\xae' + b"A" * 2000
    with server.raw() as raw:
        raw.send(b"GET " + path.encode("latin-1") + b" HTTP/1.1\r\nHost: x\r\nX-Request-Id: hostile-1\r\nUser-Agent: " + agent + b"\r\n\r\n")
        assert raw.read_answer().status in (400, 404)
    event = event_of(server, "hostile-1")
    for line in server.log().encode().splitlines():
        json.loads(line)
        assert all(0x20 <= byte < 0x7f for byte in line)
        assert len(line) < 4096
    assert event["httpRequest"]["userAgent"].startswith('"\\\ufffd\x01\u202eAAA')


def test_secrets_are_not_logged(start_server):
    """One in everything that a request and its answer can carry, but path, user agent and request id."""
    server = start_server("--slots=1", "--log=json", "--log-probes")
    secrets = [f"SECRET{number}Z" for number in range(9)]
    script = (f"import sys\n# {secrets[0]}\ndef main():\n    print('{secrets[1]}')\n    print('{secrets[2]}', file=sys.stderr)\n"
              f"    return '{secrets[3]}'\n")
    headers = {"Authorization": f"Bearer {secrets[4]}", "Cookie": f"a={secrets[5]}", "X-Request-Id": f"bad {secrets[6]}",
               "Content-Type": "application/json", "traceparent": secrets[7]}
    answer = server.client.request("POST", f"/execute?token={secrets[8]}", json.dumps({"script": script}).encode(), headers)
    assert answer.status == 200, answer
    for kind in ("raise ValueError('SECRET-A')", "sys.exit('SECRET-B')", "os.write(2, b'SECRET-C'); os.abort()", "SECRET-D = 1"):
        post(server, f"import os, sys\ndef main():\n    {kind}\n")
    server.client.post(b'{"script": "SECRET-E')
    event_of(server, answer.headers["X-Request-Id"])
    server.stop()
    assert '"outcome":"exception"' in server.log()
    assert "SECRET" not in server.log()


def test_a_role_that_died_is_an_event(start_server):
    server = start_server("--slots=1", "--log=json")
    os.kill(server.zygote_pid(), signal.SIGKILL)
    event = procs.poll(lambda: [event for event in events(server) if "the zygote was ended by signal 9" in event["message"]], 3, "a line")[0]
    assert event["severity"] == "ERROR"
    server.client.close()
    procs.poll(server.is_ready, 8, "ready again")
