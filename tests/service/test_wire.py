"""What goes over the wire byte by byte: things that no well-behaved client library sends."""
import json
import socket

import pytest

from support import procs
from support.client import Raw, execute_bytes, head
from support.scripts import PLAIN, is_42

pytestmark = pytest.mark.mode_independent

BODY = json.dumps({"script": PLAIN}).encode()


def chunked(body, size):
    pieces = [body[at:at + size] for at in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def test_keep_alive_serves_many_requests_on_one_connection(service):
    with service.raw() as raw:
        for _ in range(5):
            raw.send(execute_bytes(PLAIN))
            is_42(raw.read_answer())
            raw.send(b'POST /execute HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}')
            assert raw.read_answer().status == 400


def test_connection_close_is_honoured(service):
    with service.raw() as raw:
        raw.send(execute_bytes(PLAIN, Connection="close"))
        is_42(raw.read_answer())
        assert raw.at_end()


def test_http_1_0(service):
    with service.raw() as raw:
        raw.send(b"GET /health HTTP/1.0\r\n\r\n")
        assert raw.read_answer().json == {"status": "healthy"}
        assert raw.at_end()


def test_pipelined_requests_are_answered_in_order(service):
    scripts = [f"def main():\n    return {number}\n" for number in range(4)]
    with service.raw() as raw:
        raw.send(b"".join(execute_bytes(script) for script in scripts) + head("GET", "/health"))
        assert [raw.read_answer().json["result"] for _ in scripts] == [0, 1, 2, 3]
        assert raw.read_answer().json == {"status": "healthy"}


def test_head_then_get_on_one_connection(service):
    with service.raw() as raw:
        raw.send(head("HEAD", "/health"))
        assert raw.read_answer(with_body=False).status == 200
        raw.send(head("GET", "/health"))
        assert raw.read_answer().json == {"status": "healthy"}


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_chunked_body(service, size):
    with service.raw() as raw:
        raw.send(head(Content_Type="application/json", Transfer_Encoding="chunked") + chunked(BODY, size))
        is_42(raw.read_answer())


def test_a_byte_at_a_time(service):
    with service.raw() as raw:
        for byte in execute_bytes(PLAIN):
            raw.send(bytes([byte]))
        is_42(raw.read_answer())


def test_expect_100_continue(service):
    with service.raw() as raw:
        raw.send(head(Content_Type="application/json", Content_Length=len(BODY), Expect="100-continue"))
        assert raw.read_answer().status == 100
        raw.send(BODY)
        is_42(raw.read_answer())


def too_large(answer):
    assert (answer.status, answer.outcome) == (413, "invalid_request"), answer
    assert "size" in answer.json["error"] and any(c.isdigit() for c in answer.json["error"]), answer


def test_expect_100_continue_with_too_much_to_come(service):
    with service.raw() as raw:
        raw.send(head(Content_Type="application/json", Content_Length=10**9, Expect="100-continue"))
        too_large(raw.read_answer())


def test_413_reaches_a_client_that_still_writes(service):
    body = b" " * 40_000_000
    for _ in range(3):
        with service.raw() as raw:
            raw.send(head(Content_Type="application/json", Content_Length=len(body)) + body)
            too_large(raw.read_answer())


def test_413_for_a_chunked_body(service):
    with service.raw() as raw:
        raw.send(head(Content_Type="application/json", Transfer_Encoding="chunked")
                 + chunked(b" " * 40_000_000, 65536))
        too_large(raw.read_answer())


def test_413_does_not_wait_for_a_body_that_never_comes(service):
    with Raw(service.port, timeout=15) as raw:
        raw.send(head(Content_Type="application/json", Content_Length=10**9) + b"{")
        too_large(raw.read_answer())


@pytest.mark.parametrize("data", [
    b"\r\n\r\n", b"GARBAGE\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20,
    b"GET /health HTTP/1.1\r\n" + b"X: " + b"y" * 200_000 + b"\r\n\r\n",
    b"POST /execute HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: -5\r\n\r\n{}",
    b"POST /execute HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99999999999999999999999\r\n\r\n{}",
    b"POST /execute HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
], ids=["blank", "garbage", "TLS", "huge header", "negative length", "absurd length", "bad chunk"])
def test_nonsense_is_refused_and_does_no_harm(service, data):
    with service.raw() as raw:
        try:
            raw.send(data)
            raw.socket.shutdown(socket.SHUT_WR)
            status = int((raw.file.readline() or b"- 400").split()[1])
        except TimeoutError:
            raise
        except OSError:  # closed on us, perhaps before its answer could be read: refused as well
            status = 400
        assert 400 <= status < 500, status
    assert service.client.get("/health").status == 200


def test_a_request_that_ends_early_is_let_go_at_once(service):
    for _ in range(40):  # bytes and end may come in one piece or in two
        with service.raw() as raw:
            raw.socket.settimeout(9)  # less than a head may take
            raw.send(b"\r\n\r\n")
            raw.socket.shutdown(socket.SHUT_WR)
            assert raw.socket.recv(1) == b""


CHUNKS = chunked(BODY, 7)
LENGTH = f"Content-Length: {len(BODY)}"
UNCLEAR_FRAMING = {
    "two lengths": ([LENGTH, "Content-Length: 3"], BODY),
    "one length twice": ([LENGTH, LENGTH.lower()], BODY),
    "length and chunks": ([LENGTH, "Transfer-Encoding: chunked"], CHUNKS),
    "chunks and length": (["transfer-encoding: chunked", LENGTH], CHUNKS),
    "another encoding": (["Transfer-Encoding: gzip"], BODY),
    "a list of encodings": (["Transfer-Encoding: gzip, chunked"], CHUNKS),
    "chunks twice": (["Transfer-Encoding: chunked"] * 2, CHUNKS),
    "chunks and no chunks": (["Transfer-Encoding: chunked", "Transfer-Encoding: identity"], CHUNKS),
    "no encoding": (["Transfer-Encoding:"], BODY),
}


@pytest.mark.parametrize("method", ["POST", "GET"])
@pytest.mark.parametrize("name", UNCLEAR_FRAMING)
def test_unclear_framing_is_refused_and_nothing_after_it_is_answered(service, name, method):
    fields, body = UNCLEAR_FRAMING[name]
    lines = [f"{method} /execute HTTP/1.1", "Host: x", "Content-Type: application/json", *fields, "", ""]
    with Raw(service.port, timeout=9) as raw:  # less than a head may take
        raw.send("\r\n".join(lines).encode() + body + head("GET", "/health"))
        answer = raw.read_answer()
        assert (answer.status, answer.outcome) == (400, "invalid_request"), answer
        assert any(word in answer.json["error"] for word in ("Content-Length", "Transfer-Encoding")), answer
        assert raw.at_end()


def test_the_name_of_the_encoding_has_no_case(service):
    with service.raw() as raw:
        raw.send(head(Content_Type="application/json", Transfer_Encoding="Chunked") + CHUNKS)
        is_42(raw.read_answer())
        raw.send(head("GET", "/health"))
        assert raw.read_answer().status == 200


@pytest.mark.parametrize("path", ["/health%00x", "/%68ealth", "/health%20", "/health%3Fa"])
def test_paths_are_taken_as_they_are(service, path):
    with service.raw() as raw:
        raw.send(head("GET", path) + head("GET", "/health?a=%00"))
        assert raw.read_answer().status == 404
        assert raw.read_answer().status == 200


def test_half_a_request_then_gone(service):
    for part in (b"POST /exec", execute_bytes(PLAIN)[:-5]):
        with service.raw() as raw:
            raw.send(part)
    is_42(service.execute(PLAIN))


def test_connections_that_only_wait_do_not_stop_others(service):
    idle = [service.raw() for _ in range(50)]
    try:
        for raw in idle[::2]:
            raw.send(b"POST /execute HTTP/1.1\r\n")
        is_42(service.execute(PLAIN))
    finally:
        for raw in idle:
            raw.close()


def test_few_descriptors_mean_few_connections(start_server):
    """Runs still get theirs, and there is always room for one more client."""
    server = start_server("--slots=1", "--head-seconds=60", wrapper=("prlimit", "--nofile=512:512"))
    idle = [server.raw() for _ in range(600)]
    try:
        for _ in range(3):
            with server.raw() as raw:
                raw.send(execute_bytes(PLAIN))
                is_42(raw.read_answer())
        assert procs.count_descriptors(server.server_pid()) < 450
        assert "connections" in server.log()
    finally:
        for raw in idle:
            raw.close()
    server.stop()


def test_a_slow_reader_gets_all_of_a_large_answer_and_stops_nobody(service):
    with service.raw() as raw:
        raw.send(execute_bytes("def main():\n    print('x' * 9_000_000)\n    return 'y' * 9_000_000\n"))
        assert raw.socket.recv(1, socket.MSG_PEEK) == b"H"  # it has begun, and the rest does not fit into the buffers
        is_42(service.execute(PLAIN))
        answer = raw.read_answer()
    assert answer.json == {"result": "y" * 9_000_000, "stdout": "x" * 9_000_000 + "\n"}
