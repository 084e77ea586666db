"""Which web pages may ask, and the headers of every answer that keep it to the one who asked."""
import json

import pytest

from support.access import ORIGIN, ask, preflight, tokens_of

SAFE = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer",
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'"}


@pytest.fixture(scope="module")
def shared_with(start_server, token_file):
    return start_server("--slots=1", f"--cors-origin={ORIGIN},http://localhost:3000", f"--token-file={token_file}")


@pytest.mark.mode_independent
def test_named_origins_may_ask(shared_with, token_file):
    answer = preflight(shared_with)
    assert answer.status == 204 and answer.body == b"" and answer.headers["Vary"] == "Origin"
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    assert {"Authorization", "Content-Type"} <= set(answer.headers["Access-Control-Allow-Headers"].split(", "))
    for token, status in ((tokens_of(token_file)[0], 200), ("wrong", 401)):
        answer = ask(shared_with, token, Origin=ORIGIN)
        assert answer.status == status and answer.headers["Access-Control-Allow-Origin"] == ORIGIN
        assert {"Server-Timing", "X-Request-Id", "Retry-After"} == set(
            answer.headers["Access-Control-Expose-Headers"].split(", "))


@pytest.mark.mode_independent
@pytest.mark.parametrize("origin", ["https://b.example", "null", ORIGIN + ".evil", "http://a.example", ORIGIN.upper(), ""])
def test_other_origins_may_not(shared_with, token_file, origin):
    assert preflight(shared_with, origin).status == 401
    for answer in (preflight(shared_with, origin), ask(shared_with, tokens_of(token_file)[0], Origin=origin),
                   ask(shared_with, method="GET", path="/health", Origin=origin)):
        assert not [name for name in answer.headers if name.startswith("Access-Control")]
        assert answer.headers["Vary"] == "Origin"


@pytest.mark.mode_independent
def test_no_origin_unless_named(service):
    answer = preflight(service)
    assert answer.status == 405 and answer.headers["Allow"] == "POST"
    answer = ask(service, Origin=ORIGIN)
    assert answer.status == 200 and "Vary" not in answer.headers
    assert not [name for name in answer.headers if name.startswith("Access-Control")]


@pytest.mark.mode_independent
def test_every_origin(start_server):
    server = start_server("--slots=1", "--cors-origin=*")
    for answer in (preflight(server, "https://whoever.example"), ask(server, Origin="null")):
        assert answer.status in (200, 204) and answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Origin" not in ask(server).headers


@pytest.mark.mode_independent
def test_safe_headers_on_every_answer(service, guarded, shared_with):
    big = json.dumps({"script": "def main(): return 'x' * 100000"}).encode()
    answers = [ask(service, method="GET", path="/health"), ask(service, method="GET", path="/ready"), ask(service), service.client.post(big),
               service.client.post(b"{"), ask(service, method="GET", path="/nowhere"), ask(service, method="PUT"), ask(guarded),
               preflight(shared_with)]
    assert [answer.status for answer in answers] == [200, 200, 200, 200, 400, 404, 405, 401, 204]
    for answer in answers:
        assert {name: answer.headers[name] for name in SAFE} == SAFE, answer
        assert len(answer.headers.get_all("Cache-Control")) == 1
