"""deploy/haproxy/haproxy.cfg with Debian's haproxy: what it sends again, and what it does not. The instances are
played, since a real one does not fail on demand; with real ones: make test-scale."""
import http.server
import subprocess
import sys
import threading
import time

import pytest

from support import procs
from support.balancer import SERVERS, SHIPPED, Balancer
from support.client import Client, Raw, head

pytestmark = pytest.mark.mode_independent

BODY = b'{"script": "def main(): return 1"}'


class Instance(http.server.ThreadingHTTPServer):
    """Answers 200, or as `mode` says: "busy" with 503, "dies" by closing the connection without an answer."""

    def __init__(self, name):
        self.name, self.mode, self.seen = name, "well", []
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], (ConnectionResetError, BrokenPipeError)):  # the end of each check
            super().handle_error(request, client_address)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if status == 503:
            self.send_header("Retry-After", "7")
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        # Checks find nothing wrong: what is tried is what happens before they do.
        self.answer(200, self.server.name.encode())

    def do_POST(self):
        size = int(self.headers["Content-Length"])
        self.server.seen.append((self.headers["X-Request-Id"], self.rfile.read(size)))
        if self.server.mode == "dies":
            self.close_connection = True
        else:
            self.answer(200 if self.server.mode == "well" else 503, self.server.name.encode())

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def balancer(tmp_path_factory):
    instances = {name: Instance(name) for name in SERVERS}
    balancer = Balancer(tmp_path_factory.mktemp("haproxy"), {name: one.server_port for name, one in instances.items()})
    balancer.instances = instances
    yield balancer
    balancer.stop()
    for one in instances.values():
        one.shutdown()
        one.server_close()


@pytest.fixture
def post(balancer):
    """post(modes, body=BODY, headers={}): the answer, while each instance is in its mode; the others are well."""
    for one in balancer.instances.values():
        one.mode, one.seen = "well", []

    def ask(modes, body=BODY, headers=None):
        for name, mode in modes.items():
            balancer.instances[name].mode = mode
        procs.poll(lambda: balancer.are_up(SERVERS), 10, "all instances are up")
        client = Client(balancer.port)
        try:
            return client.post(body, headers={"Content-Type": "application/json", **(headers or {})})
        finally:
            client.close()

    return ask


def reached(balancer):
    return {name: one.seen for name, one in balancer.instances.items() if one.seen}


def test_haproxy_accepts_the_file_as_it_is():
    checked = subprocess.run(["haproxy", "-c", "-f", str(SHIPPED)], capture_output=True, text=True, timeout=20, check=False)
    said = [line for line in (checked.stdout + checked.stderr).splitlines() if "WARNING" in line or "ALERT" in line]
    assert (checked.returncode, said) == (0, [])


@pytest.mark.parametrize("mode", ["busy", "dies"])
def test_another_instance_gets_what_one_did_not_answer(balancer, post, mode):
    for _ in range(3):  # whose turn it is first is not said
        answer = post({"one": mode, "two": mode})
        assert (answer.status, answer.body) == (200, b"three"), answer
    tried = reached(balancer)
    assert len(tried) > 1 and {body for seen in tried.values() for _, body in seen} == {BODY}


def test_if_all_are_busy_the_client_is_told_when_to_come_again(balancer, post):
    answer = post(dict.fromkeys(SERVERS, "busy"))
    assert (answer.status, answer.headers["Retry-After"]) == (503, "7")
    assert sum(map(len, reached(balancer).values())) == 4, "one try and three more"


def test_a_script_of_the_largest_size_is_sent_again(balancer, post):
    """50,000 bytes, twice as many when JSON escapes all of them with one character, and a little."""
    answer = post({"one": "busy", "two": "busy"}, body=b"x" * 110_000)
    assert (answer.status, answer.body) == (200, b"three"), answer


def test_what_does_not_fit_into_a_buffer_is_passed_on_but_not_sent_again(balancer, post):
    answer = post(dict.fromkeys(SERVERS, "busy"), body=b"x" * 200_000)
    assert answer.status == 503
    tries = [body for seen in reached(balancer).values() for _, body in seen]
    assert tries == [b"x" * 200_000]
    assert post(dict.fromkeys(SERVERS, "well"), body=b"x" * 900_000).status == 200


def test_a_request_that_comes_in_pieces_is_sent_again_too(balancer, post):
    post({"one": "busy", "two": "busy"})
    with Raw(balancer.port) as raw:
        raw.send(head(Content_Length=len(BODY), Content_Type="application/json"))
        for at in range(0, len(BODY), 10):
            time.sleep(0.1)
            raw.send(BODY[at:at + 10])
        assert raw.read_answer().body == b"three"


def test_request_ids_are_the_clients_or_new_and_stay_when_sent_again(balancer, post):
    post({"one": "dies", "two": "dies"}, headers={"X-Request-Id": "mine-1"})
    assert {given for seen in reached(balancer).values() for given, _ in seen} == {"mine-1"}
    for one in balancer.instances.values():
        one.seen = []
    post({})
    post({})
    made = [given for seen in reached(balancer).values() for given, _ in seen]
    assert len(set(made)) == 2 and all(len(given) == 36 for given in made)


def test_metrics_are_those_of_the_balancer_and_of_no_instance(balancer):
    assert Client(balancer.port).get("/metrics").status == 404
    answer = Client(balancer.statistics_port).get("/metrics")
    assert answer.status == 200 and b"haproxy_server_status" in answer.body
    assert Client(balancer.port).get("/health").status == 200
