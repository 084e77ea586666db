"""What a request's head may be: however large it is, there is one answer, and nothing runs without one."""
import json
import re

import pytest

from support import procs
from support.client import JSON_TYPE, Raw, head

pytestmark = pytest.mark.mode_independent

BODY = json.dumps({"script": "import os\ndef main():\n    return 42\n"}).encode()
LIMIT = "Request head is over the limit of 16384 bytes or 150 fields"


def ask(port, size, name="Cookie", **headers):
    """The answer to POST /execute with a head of so many bytes."""
    start = head(Content_Type="application/json", Content_Length=len(BODY), Connection="close", **headers)[:-2] + name.encode() + b": "
    with Raw(port) as raw:
        raw.send(start + b"a" * (size - len(start) - 4) + b"\r\n\r\n" + BODY)
        return raw.read_answer()


def is_refused(answer):
    return (answer.status, answer.json) == (431, {"error": LIMIT, "outcome": "invalid_request"})


@pytest.mark.parametrize("headers", [{}, {"Origin": "https://a.example"}], ids=["plain", "origin"])
@pytest.mark.parametrize("name", ["Cookie", "X-Any"])
def test_what_runs_is_answered(service, name, headers):
    answers = {size: ask(service.port, size, name, **headers) for size in (100, 8000, *range(15800, 16385, 73), 16384)}
    assert {size: answer.status for size, answer in answers.items()} == dict.fromkeys(answers, 200)
    for size in (16385, 16400, 17000, 20000, 24000):
        assert is_refused(ask(service.port, size, name, **headers)), size
    larger = {ask(service.port, size, name, **headers).status for size in range(24500, 60000, 2500)}
    assert larger == {431}, "of libmicrohttpd, where even the head has no room"


def test_a_stream_that_runs_is_begun(service):
    for size in (15800, 16384):
        start = head(Content_Type="application/json", Content_Length=len(BODY), Connection="close", Accept="text/event-stream")[:-2] + b"Cookie: "
        with Raw(service.port) as raw:
            raw.send(start + b"a" * (size - len(start) - 4) + b"\r\n\r\n" + BODY)
            told = raw.file.read()
        assert told.startswith(b"HTTP/1.1 200 ") and b"event: result" in told, told


@pytest.mark.parametrize("field", [b"X-%d: b\r\n", b"Cookie: a=%d\r\n"])
def test_a_field_takes_more_room_than_its_bytes(service, field):
    start = head(Content_Type="application/json", Content_Length=len(BODY))[:-2]
    statuses = []
    for count in (50, 70, 140, 151, 300):
        with Raw(service.port) as raw:
            raw.send(start + b"".join(field % number for number in range(count)) + b"\r\n" + BODY)
            answer = raw.read_answer()
            assert answer.status == 200 or is_refused(answer), answer
            statuses.append(answer.status)
    assert statuses[0] == 200 and statuses[-1] == 431 and statuses == sorted(statuses)


def test_a_refused_head_is_in_the_log(start_server):
    server = start_server("--preload=none")
    assert is_refused(ask(server.port, 17000))
    procs.poll(lambda: re.search(r"POST.*status=431 outcome=\"invalid_request\"", server.log()), what="the line of the request")


HOST = "The header Host must be there once"


@pytest.mark.parametrize("text, error", [
    (b"GET /health HTTP/1.1\r\n\r\n", HOST), (b"GET /health HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", HOST),
    (b"GET /health HTTP/1.1\r\nHost : a\r\n\r\n", "A space in the name of a header field"),
    (b"POST /execute HTTP/1.1\r\nHost: a\r\nContent-Length : 2\r\n\r\n{}", "A space in the name of a header field"),
    (b"GET /health HTTP/1.0\r\n\r\n", None), (b"GET /health HTTP/1.0\r\nHost: a\r\n\r\n", None),
], ids=["none", "two", "a space before the colon", "the same of a length", "HTTP/1.0 without", "HTTP/1.0 with"])
def test_host(service, text, error):
    with Raw(service.port) as raw:
        raw.send(text)
        answer = raw.read_answer()
        assert (answer.status, answer.json.get("error")) == (400 if error else 200, error), answer
        assert raw.at_end(), "one answer, and nothing behind it"


@pytest.mark.parametrize("encoding, status", [("gzip", 415), ("br", 415), ("gzip, identity", 415), ("identity", 200), ("IDENTITY", 200)])
def test_a_body_that_is_encoded_is_refused(service, encoding, status):
    answer = service.client.post(BODY, {**JSON_TYPE, "Content-Encoding": encoding})
    assert answer.status == status, answer
    if status == 415:
        assert answer.json["error"] == "Content-Encoding is not supported: send the body as it is"
