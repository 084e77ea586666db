"""The log on standard output: one line an event, nothing of a script or a secret, nothing that blocks."""
import json
import os
import re
import signal
import socket
import subprocess
import threading

import pytest

from support import procs
from support.client import Client, Raw, execute_bytes, head
from support.server import BINARY, free_port

pytestmark = pytest.mark.mode_independent

PLAIN = "def main():\n    return 42\n"
SLEEP = "import time\ndef main():\n    time.sleep(20)\n"
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture(scope="module")
def server(start_server):
    return start_server("--slots=2", "--log=json")


def events(server):
    return [json.loads(line) for line in server.log().splitlines()]


def event_of(server, request_id):
    """The one event of a request; it is written when the answer is out."""
    def find():
        return [event for event in events(server) if event.get("request_id") == request_id]
    found = procs.poll(find, 3, f"a line for {request_id}")
    assert len(found) == 1, found
    return found[0]


def post(server, script, request_id=None, fields=None, **headers):
    headers = {"Content-Type": "application/json", **headers}
    if request_id:
        headers["X-Request-Id"] = request_id
    return server.client.post(json.dumps({"script": script, **(fields or {})}).encode(), headers)


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
    "timeout": (SLEEP, 400),
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
        gone.send(execute_bytes(SLEEP, X_Request_Id="gone-1"))
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
        busy.send(execute_bytes(SLEEP))
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
    for line in server.log().encode().splitlines():
        json.loads(line)
        assert all(0x20 <= byte < 0x7f for byte in line)
        assert len(line) < 4096
    event = event_of(server, "hostile-1")
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


class Stuck:
    """A service whose standard output is a pipe or socket that nobody reads."""

    def __init__(self, output, errors):
        self.port = free_port()
        self.process = subprocess.Popen([BINARY, f"--port={self.port}", "--address=127.0.0.1", "--slots=1", "--preload=none", "--log-probes"],
                                        stdin=subprocess.DEVNULL, stdout=output, stderr=errors)
        self.client = Client(self.port, timeout=20)
        procs.poll(self.is_ready, 20, "ready")

    def is_ready(self):
        try:
            return self.client.get("/ready").status == 200
        except OSError:
            return False

    def flood(self, count):
        """count lines, many requests at a time."""
        request = head("GET", "/" + "x" * 400) * 50
        with Raw(self.port, timeout=20) as raw:
            for _ in range(count // 50):
                raw.send(request)
                for _ in range(50):
                    assert raw.read_answer().status == 404

    def dropped(self):
        text = self.client.get("/metrics").body.decode()
        return int(re.search(r"^code_runner_log_lines_dropped_total (\d+)$", text, re.M)[1])

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise


@pytest.fixture(params=["pipe", "socket"])
def ends(request):
    """(reader, writer) descriptors."""
    if request.param == "pipe":
        reader, writer = os.pipe()
    else:
        pair = socket.socketpair()
        reader, writer = (end.detach() for end in pair)
    yield reader, writer
    os.close(reader)


@pytest.mark.plain_memory
def test_a_log_that_nobody_reads_stops_nobody(ends):
    reader, writer = ends
    stuck = Stuck(writer, subprocess.DEVNULL)
    os.close(writer)
    try:
        stuck.flood(4000)  # more than the longest pipe takes
        dropped = stuck.dropped()
        assert dropped > 100
        os.kill(procs.children(stuck.process.pid)[-1], signal.SIGKILL)  # a role that dies is told, too
        procs.poll(stuck.is_ready, 10, "ready again")
        text = []
        drain = threading.Thread(target=lambda: text.extend(iter(lambda: os.read(reader, 65536), b"")))
        drain.start()
        procs.poll(lambda: stuck.client.get("/nope").status == 404 and b" log lines were dropped" in b"".join(text), 5, "the number is told")
    finally:
        status = stuck.stop()
    drain.join(20)
    assert status == 0
    assert b"the server leaves\n" in b"".join(text)


@pytest.mark.plain_memory
def test_a_log_whose_reader_left_stops_nobody():
    reader, writer = os.pipe()
    stuck = Stuck(writer, subprocess.DEVNULL)
    os.close(writer)
    os.close(reader)
    try:
        stuck.flood(100)
        assert stuck.dropped() >= 100
        before = procs.children(stuck.process.pid)
        for pid in reversed(before):  # the zygote first: it leaves with the server
            os.kill(pid, signal.SIGKILL)
        stuck.client.close()
        procs.poll(lambda: stuck.is_ready() and not set(before) & set(procs.children(stuck.process.pid)), 10, "ready again")
    finally:
        status = stuck.stop()
    assert status == 0
