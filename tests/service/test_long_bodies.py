"""Bodies without an announced length that go on long after they were refused."""
import re

import pytest

from support import procs
from support.client import head

pytestmark = pytest.mark.mode_independent

CHUNK = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
LONG = CHUNK * 216 + b"0\r\n\r\n"  # 13.5 MiB: the limit here is 5, and 8 more are thrown away before the answer
JSON = "application/json"


@pytest.fixture(scope="module")
def small(start_server):
    return start_server("--slots=1", "--input-mb=1")


def logged(server, name):
    """The line of a request's end."""
    return procs.poll(lambda: [line for line in server.log().splitlines() if f'request_id="{name}"' in line], what="a line")[0]


@pytest.mark.parametrize("method, path, kind, status", [
    ("POST", "/execute", JSON, 413), ("POST", "/nothing", JSON, 404), ("PUT", "/execute", JSON, 405),
    ("POST", "/execute", "text/plain", 415), ("POST", "/mcp", JSON, 413)])
def test_the_answer_comes_all_the_same(small, method, path, kind, status):
    name = f"long-{status}-{path[1:]}"
    with small.raw() as raw:
        raw.send(head(method, path, Content_Type=kind, Content_Length=len(LONG)))
        expected = raw.read_answer()
    with small.raw() as raw:
        raw.send(head(method, path, Content_Type=kind, X_Request_Id=name, Transfer_Encoding="chunked") + LONG)
        answer = raw.read_answer()
        assert raw.at_end()
    assert (answer.status, answer.outcome, answer.body) == (status, "invalid_request", expected.body)
    differ = {key for key, value in expected.headers.items() if answer.headers[key] != value}
    assert differ <= {"Date", "X-Request-Id"} and set(answer.headers) == set(expected.headers)
    assert (answer.headers["Connection"], answer.headers["X-Request-Id"]) == ("close", name)
    line = logged(small, name)
    assert f' status={status} outcome="invalid_request" ' in line and f" response_bytes={len(answer.body)} " in line
    assert int(re.search(r"request_bytes=(\d+)", line)[1]) > 13 << 20


def test_head_gets_no_body(small):
    with small.raw() as raw:
        raw.send(head("HEAD", "/nothing", X_Request_Id="long-head", Transfer_Encoding="chunked") + LONG)
        assert raw.read_answer(with_body=False).status == 404
        assert raw.at_end()
    assert " response_bytes=0 " in logged(small, "long-head")
