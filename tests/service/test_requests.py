"""What a request must look like, and what each wrong one is told (contract: the 4xx rows that need
no script to run)."""
import json

import pytest

from support.scripts import PLAIN

pytestmark = pytest.mark.mode_independent

GOOD = {"script": PLAIN}

# name, body, words that the error must contain
BAD_BODIES = [
    ("empty body", b"", ["empty"]),
    ("white space only", b" \r\n\t ", ["empty"]),
    ("not JSON", b"script=1", ["JSON"]),
    ("unfinished", b'{"script": "def main(): pass"', ["JSON"]),
    ("single quotes", b"{'script': 'x'}", ["JSON"]),
    ("leading zero", b'{"script": "def main(): pass", "n": 01}', ["JSON"]),
    ("NaN", b'{"script": "def main(): pass", "n": NaN}', ["JSON"]),
    ("raw newline in a string", b'{"script": "def main():\n pass"}', ["JSON"]),
    ("byte order mark", b'\xef\xbb\xbf{"script": "def main(): pass"}', ["JSON"]),
    ("an array", b'["def main(): pass"]', ["object"]),
    ("a string", b'"def main(): pass"', ["object"]),
    ("a number", b"42", ["object"]),
    ("null", b"null", ["object"]),
    ("trailing text", b'{"script": "def main(): pass"} x', ["JSON"]),
    ("two values", b'{"script": "def main(): pass"}{}', ["JSON"]),
    ("bad UTF-8", b'{"script": "def main(): return \'\xff\'"}', ["UTF-8"]),
    ("overlong UTF-8", b'{"script": "def main(): return \'\xc0\x80\'"}', ["UTF-8"]),
    ("UTF-8 of a surrogate", b'{"script": "def main(): return \'\xed\xa0\x80\'"}', ["UTF-8"]),
    ("UTF-8 cut off", b'{"script": "def main(): return \'\xe2\x82\'"}', ["UTF-8"]),
    ("bad UTF-8 outside the script", b'{"script": "def main(): pass", "x": "\xff"}', ["UTF-8"]),
    ("NUL in the script", b'{"script": "def main():\\u0000 pass"}', ["script", "NUL"]),
    ("lone surrogate in the script", b'{"script": "def main(): return \'\\ud800\'"}', ["script"]),
    ("100,000 deep", b"[" * 100000 + b"]" * 100000, []),
    ("100,000 deep in a field", b'{"script": "def main(): pass", "x": ' + b"[" * 100000 + b"]" * 100000 + b"}", []),
    ("no script", b"{}", ["script"]),
    ("script in capitals", b'{"Script": "def main(): pass"}', ["script"]),
    ("script null", b'{"script": null}', ["script", "string"]),
    ("script a number", b'{"script": 1}', ["script", "string"]),
    ("script an array", b'{"script": ["def main(): pass"]}', ["script", "string"]),
    ("script empty", b'{"script": ""}', ["script"]),
    ("script blank", b'{"script": " \\n\\t\\r "}', ["script"]),
]


@pytest.mark.parametrize("body, words", [row[1:] for row in BAD_BODIES], ids=[row[0] for row in BAD_BODIES])
def test_bad_body(service, body, words):
    answer = service.client.post(body)
    assert (answer.status, answer.outcome) == (400, "invalid_request"), answer
    assert set(answer.json) == {"error", "outcome"}
    assert len(answer.json["error"]) < 300
    for word in words:
        assert word in answer.json["error"], answer


@pytest.mark.parametrize("body", [
    json.dumps({**GOOD, "unknown": [1, {"a": None}], "": 0}).encode(),
    b' \r\n{"script":"def main():\\n    return 42"}\n\n',
    b'{"\\u0073cript": "def main():\\n    return 42"}',
    b'{"script": "# \\ud83d\\ude00 \xf0\x9f\x98\x80\\ndef main():\\n    return 42"}',
], ids=["unknown fields", "white space around", "escaped key", "pairs of surrogates"])
def test_good_body(service, body):
    answer = service.client.post(body)
    assert answer.status == 200, answer
    assert answer.json == {"result": 42, "stdout": ""}


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8",
                                  "Application/JSON;charset=UTF-8"])
def test_json_content_types(service, kind):
    answer = service.client.post(json.dumps(GOOD).encode(), {"Content-Type": kind})
    assert answer.status == 200, answer


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/jsonx",
                                  "multipart/form-data; boundary=x", "text/json"])
def test_other_content_types(service, kind):
    answer = service.client.post(json.dumps(GOOD).encode(), {"Content-Type": kind})
    assert (answer.status, answer.outcome) == (415, "invalid_request"), answer
    assert "application/json" in answer.json["error"]


def padded(size, unit=""):
    """A script of exactly size bytes; unit is what its comment is filled with."""
    script = PLAIN + "#"
    script += unit * ((size - len(script.encode())) // max(len(unit.encode()), 1))
    return script + "#" * (size - len(script.encode()))


@pytest.mark.parametrize("unit", ["#", "é", "漢", "😀"])
def test_script_size_is_counted_in_bytes(service, unit):
    fits, too_big = padded(50000, unit), padded(50001, unit)
    assert (len(fits.encode()), len(too_big.encode())) == (50000, 50001)
    answer = service.execute(fits)
    assert (answer.status, answer.json) == (200, {"result": 42, "stdout": ""}), answer
    for ascii_only in (True, False):  # as \u escapes and as raw UTF-8 in the body
        answer = service.client.post(json.dumps({"script": too_big}, ensure_ascii=ascii_only).encode())
        assert (answer.status, answer.outcome) == (400, "invalid_request"), answer
        assert answer.json["error"] == "Invalid script size: 50001 bytes (limit 50000)"


@pytest.mark.parametrize("method, path, allowed", [
    ("GET", "/execute", {"POST"}), ("HEAD", "/execute", {"POST"}), ("PUT", "/execute", {"POST"}),
    ("DELETE", "/execute", {"POST"}), ("PATCH", "/execute", {"POST"}),
    ("POST", "/health", {"GET", "HEAD"}), ("DELETE", "/health", {"GET", "HEAD"}),
    ("POST", "/ready", {"GET", "HEAD"}),
])
def test_wrong_method(service, method, path, allowed):
    answer = service.client.request(method, path)
    assert answer.status == 405, answer
    assert {name.strip() for name in answer.headers["Allow"].split(",")} >= allowed
    if method != "HEAD":
        assert answer.outcome == "invalid_request"


@pytest.mark.parametrize("method, path", [
    ("GET", "/nothing"), ("POST", "/nothing"), ("POST", "/execute/"), ("POST", "/Execute"),
    ("GET", "/health/x"), ("GET", "/../etc/passwd"), ("GET", "/" + "x" * 1000)])
def test_unknown_path(service, method, path):
    answer = service.client.request(method, path, b"{}" if method == "POST" else None)
    assert (answer.status, answer.outcome) == (404, "invalid_request"), answer
    assert answer.json["error"]


def test_health(service):
    answer = service.client.get("/health")
    assert (answer.status, answer.body) == (200, b'{"status": "healthy"}')
    assert answer.headers["Content-Type"].startswith("application/json")
    assert service.client.get("/health?probe=1").status == 200


def test_health_head(service):
    answer = service.client.request("HEAD", "/health")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["Content-Length"] == str(len(b'{"status": "healthy"}'))


def test_ready(service):
    assert service.client.get("/ready").status == 200


def test_success_has_two_keys_in_order_and_its_timing_in_a_header(service):
    answer = service.execute("def main():\n    return {'a': 1}\n")
    assert list(answer.json) == ["result", "stdout"], answer
    assert answer.headers["Content-Type"].startswith("application/json")
    timing = answer.headers["Server-Timing"]
    assert "queue;dur=" in timing and "run;dur=" in timing, timing
