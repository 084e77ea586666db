"""Who gets events: who accepts them, by HTTP/1.1, and whose script starts; every other one gets an answer with its status."""
import json

import pytest

from support import procs
from support.client import execute_bytes
from support.events import EVENTS, Stream, stream
from support.gauges import ready, until_workers_wait
from support.scripts import BEGINS, PLAIN


@pytest.mark.mode_independent
@pytest.mark.parametrize("accept, wanted", [
    ("text/event-stream", True), ("text/event-stream;q=0.5, application/json;q=0.4", True),
    ("text/event-stream, */*;q=0.1", True), ("application/json, text/event-stream;q=0.9", False),
    ("text/event-stream;q=0", False), ("*/*", False), ("text/*", False)])
def test_accept(service, accept, wanted):
    with Stream(service.port, PLAIN, headers={"Accept": accept}) as answer:
        assert answer.headers["Content-Type"] == (EVENTS if wanted else "application/json")
        assert answer.headers["X-Request-Id"]
        assert (answer.headers["X-Accel-Buffering"] == "no") == wanted
        assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.mode_independent
@pytest.mark.parametrize("lines, wanted", [
    (["application/json;q=0.5", EVENTS], EVENTS), ([EVENTS, "application/json;q=0.5"], EVENTS),
    ([EVENTS + ";q=0.5", "application/json"], "application/json")])
def test_several_accept_lines_are_one(service, lines, wanted):
    with service.raw() as raw:
        raw.send(execute_bytes(PLAIN).replace(b"\r\n\r\n", "".join(f"\r\nAccept: {line}" for line in lines).encode() + b"\r\n\r\n", 1))
        assert raw.read_answer(with_body=False).headers["Content-Type"] == wanted


@pytest.mark.mode_independent
def test_an_old_client_gets_the_plain_answer(service):
    with service.raw() as raw:
        raw.send(execute_bytes(PLAIN, Accept=EVENTS).replace(b"HTTP/1.1", b"HTTP/1.0"))
        answer = raw.read_answer()
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.json == {"result": 42, "stdout": ""}


@pytest.mark.mode_independent
@pytest.mark.parametrize("body, headers, status", [
    (b"{}", {}, 400), (b"no json", {}, 400), (b"{}", {"Content-Type": "text/plain"}, 415), (b" " * (33 << 20), {}, 413)],
    ids=["field", "json", "type", "size"])
def test_what_is_wrong_with_the_request_has_its_status(service, body, headers, status):
    answer = service.client.post(body, {"Content-Type": "application/json", "Accept": EVENTS, **headers})
    assert (answer.status, answer.headers["Content-Type"], answer.outcome) == (status, "application/json", "invalid_request")


@pytest.mark.mode_independent
def test_without_a_token_no_stream(start_server):
    server = start_server("--slots=1", environment={"CODE_RUNNER_TOKENS": "secret"})
    with Stream(server.port, PLAIN) as answer:
        assert (answer.status, answer.headers["Content-Type"]) == (401, "application/json")
    with Stream(server.port, PLAIN, headers={"Authorization": "Bearer secret"}) as answer:
        assert [event.data for event in answer] == [{"result": 42, "stdout": ""}]


def test_one_that_waited_for_nothing_gets_its_status(start_server):
    """The head comes when the script starts; before, a 503 is still a 503."""
    server = start_server("--slots=1", "--queue=1", "--queue-wait-seconds=1")
    until_workers_wait(server)
    with Stream(server.port, BEGINS) as first:
        assert first.read().data == "begun\n"
        with Stream(server.port, PLAIN) as second:
            assert (second.status, second.headers["Content-Type"]) == (503, "application/json")
            assert json.loads(second.response.read())["outcome"] == "overloaded"
    procs.poll(lambda: ready(server) == 0, 5, "the first is gone")
    until_workers_wait(server)
    assert [event.data for event in stream(server, PLAIN)] == [{"result": 42, "stdout": ""}]


def test_one_that_waited_gets_its_events(narrow):
    """And one for which there is no room to wait, its status."""
    with narrow.raw() as second:
        with Stream(narrow.port, BEGINS) as first:
            assert first.read().data == "begun\n"
            second.send(execute_bytes(PLAIN, Accept=EVENTS))
            procs.poll(lambda: ready(narrow, "waiting") == 1, 2, "one waits")
            with Stream(narrow.port, PLAIN) as third:
                assert (third.status, third.headers["Content-Type"]) == (503, "application/json")
                assert int(third.headers["Retry-After"]) >= 1
        answer = second.read_answer(with_body=False)
        assert (answer.status, answer.headers["Content-Type"]) == (200, EVENTS)
        _, *lines = [second.file.readline() for _ in range(3)]
        assert lines == [b"event: result\n", b'data: {"result": 42, "stdout": ""}\n'], lines
