"""POST /mcp: the Model Context Protocol's Streamable HTTP transport, message by message."""
import base64
import json
import time

import pytest

from support import procs
from support.client import head
from support.scripts import SLEEPS


def post(server, message, **headers):
    """message: bytes, or what becomes JSON."""
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    return server.client.request("POST", "/mcp", body, {"Content-Type": "application/json",
                                                        "Accept": "application/json, text/event-stream", **headers})


def ask(server, method, params=None, number=1, **headers):
    message = {"jsonrpc": "2.0", "id": number, "method": method}
    return post(server, message if params is None else {**message, "params": params}, **headers)


def run(server, script, **arguments):
    """The result of a call of the tool."""
    answer = ask(server, "tools/call", {"name": "run_python", "arguments": {"script": script, **arguments}}, "id-7")
    assert (answer.status, answer.headers["Content-Type"], answer.json["id"]) == (200, "application/json", "id-7"), answer
    return answer.json["result"]


def texts(result):
    return [block["text"] for block in result["content"] if block["type"] == "text"]


# ---- a session, as a client has it ----

@pytest.mark.mode_independent
@pytest.mark.parametrize("asked, offered", [("2025-06-18", "2025-06-18"), ("2025-03-26", "2025-06-18"),
                                            ("2024-11-05", "2025-06-18"), ("2025-11-25", "2025-06-18")])
def test_initialize(service, asked, offered):
    answer = ask(service, "initialize", {"protocolVersion": asked, "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}, 0)
    assert (answer.status, answer.json["id"]) == (200, 0)
    assert answer.json["result"]["protocolVersion"] == offered
    assert answer.json["result"]["capabilities"] == {"tools": {}}
    assert answer.json["result"]["serverInfo"]["name"] == "code-runner"
    assert "Mcp-Session-Id" not in answer.headers
    noted = post(service, {"jsonrpc": "2.0", "method": "notifications/initialized"}, **{"MCP-Protocol-Version": offered})
    assert (noted.status, noted.body, noted.headers["Content-Type"]) == (202, b"", None)
    assert ask(service, "ping", number="p").json == {"jsonrpc": "2.0", "id": "p", "result": {}}


@pytest.mark.mode_independent
def test_the_tool_says_the_limits_that_hold(start_server):
    server = start_server("--slots=1", "--timeout-seconds=7", "--memory-mb=200", "--output-mb=3")
    tool, = ask(server, "tools/list").json["result"]["tools"]
    assert tool["name"] == "run_python"
    assert "7 seconds, 200 MB of memory, 50000 bytes of source, 3 MB of output" in tool["description"]
    fields = tool["inputSchema"]["properties"]
    assert set(fields) == {"script", "args", "stdin", "files", "return_files", "timeout_seconds", "memory_mb"}
    assert (fields["timeout_seconds"]["maximum"], fields["memory_mb"]["maximum"]) == (7, 200)
    assert tool["inputSchema"]["required"] == ["script"]


# ---- runs ----

def test_a_result(service):
    result = run(service, "def main(a):\n    print('é')\n    return {'b': a, 'n': 12345678901234567890}\n", args=["\n"])
    assert result == {"content": [{"type": "text", "text": '{"b": "\\n", "n": 12345678901234567890}'}, {"type": "text", "text": "stdout:\né\n"}],
                      "structuredContent": {"result": {"b": "\n", "n": 12345678901234567890}, "stdout": "é\n"}, "isError": False}


def test_figures_files_and_stderr(service):
    result = run(service, """
import sys
import matplotlib.pyplot as plt
def main():
    print("err", file=sys.stderr)
    open("b.txt", "w").write(open("a.txt").read() * 2)
    plt.plot([1])
    plt.show()
""", files={"a.txt": base64.b64encode(b"x").decode()}, return_files=["b.*"])
    assert texts(result) == ["null", "stderr:\nerr\n", "files:\nb.txt (2 bytes)\n"]
    image, = [block for block in result["content"] if block["type"] == "image"]
    assert image["mimeType"] == "image/png" and base64.b64decode(image["data"], validate=True).startswith(b"\x89PNG")
    assert result["structuredContent"] == {"result": None, "stdout": "", "stderr": "err\n", "files": {"b.txt": {"data": "eHg=", "size": 2}}}


@pytest.mark.parametrize("script, text", [
    ("def main():\n    print('before')\n    1/0\n", "exception: ZeroDivisionError: division by zero\nTraceback "),
    ("x = 1\n", "no_main: Script must contain a 'main()' function"), ("def main(:\n", "syntax_error: SyntaxError: "),
    ("def main():\n    return {1}\n", "bad_result: Result is not JSON: "), ("import os\ndef main():\n    os._exit(3)\n", "exited: Script ended ")])
def test_a_script_that_fails_is_a_result_that_says_so(service, script, text):
    result = run(service, script)
    assert result["isError"] is True and "structuredContent" not in result
    assert texts(result)[0].startswith(text)
    assert texts(result)[1:] == (["stdout:\nbefore\n"] if "before" in script else [])


def test_less_time(service):
    result = run(service, SLEEPS, timeout_seconds=0.5)
    assert (result["isError"], texts(result)) == (True, ["timeout: Script execution timed out (0.5s limit)"])


def test_megabytes(service):
    result = run(service, "def main():\n    return 'é\\n' * 1_000_000\n")
    assert result["structuredContent"]["result"] == "é\n" * 1_000_000 == json.loads(texts(result)[0])


@pytest.fixture(scope="module")
def lone(start_server):
    return start_server("--slots=1", "--queue=0", "--log=json")


def test_no_place_for_it(lone):
    call = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "run_python", "arguments": {"script": SLEEPS}}})
    with lone.raw() as first:
        first.send(head(path="/mcp", Content_Type="application/json", Content_Length=len(call)) + call.encode())
        procs.poll(lambda: lone.client.get("/ready").json["running"] == 1, 3, "it runs")
        answer = post(lone, call.encode())
        assert (answer.status, answer.json["id"], answer.json["error"]["code"]) == (503, 1, -32000)
        assert int(answer.headers["Retry-After"]) >= 1
    left = time.monotonic()
    procs.poll(lambda: lone.client.get("/ready").json["running"] == 0, 2, "who leaves ends it")
    assert time.monotonic() - left < 10  # not when its 20 s are over


def test_log_and_metrics(lone):
    call = {"name": "run_python", "arguments": {"script": "def main():\n    1/0\n"}}
    assert ask(lone, "tools/call", call, **{"X-Request-Id": "mcp-1"}).json["result"]["isError"]
    told = procs.poll(lambda: [json.loads(line) for line in lone.log().splitlines() if "mcp-1" in line], 3, "it is logged")[0]
    assert (told["httpRequest"]["requestUrl"], told["httpRequest"]["status"], told["outcome"]) == ("/mcp", 200, "exception")
    assert 'code_runner_http_requests_total{code="200",target="mcp"}' in lone.client.get("/metrics").body.decode()


# ---- errors ----

@pytest.mark.mode_independent
@pytest.mark.parametrize("message, status, code", [
    (b"", 400, -32700), (b"{", 400, -32700), (b'{"jsonrpc": "2.0", "id": 01}', 400, -32700), (b"\xff", 400, -32700),
    ([], 400, -32600), ([{"jsonrpc": "2.0", "id": 1, "method": "ping"}], 400, -32600), (5, 400, -32600),
    ({"id": 1, "method": "ping"}, 400, -32600), ({"jsonrpc": "2.0", "id": None, "method": "ping"}, 400, -32600),
    (b"[" * 70 + b"]" * 70, 400, -32600), ([0] * 110_000, 400, -32600),
    ({"jsonrpc": "2.0", "id": 1, "method": "resources/list"}, 200, -32601),
    ({"jsonrpc": "2.0", "id": 1, "method": "resources/list", "params": []}, 200, -32601),
    ({"jsonrpc": "2.0", "id": 1, "method": "initialize"}, 200, -32602),
    ({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "rm"}}, 200, -32602),
    ({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "run_python", "arguments": {"script": 5}}}, 200, -32602)])
def test_errors(service, message, status, code):
    answer = post(service, message)
    assert (answer.status, answer.json["error"]["code"], answer.json["jsonrpc"]) == (status, code, "2.0")
    assert answer.json["error"]["message"] and answer.json["id"] in (None, 1)


@pytest.mark.mode_independent
@pytest.mark.parametrize("method, status", [("GET", 405), ("DELETE", 405), ("PUT", 405), ("HEAD", 405)])
def test_other_methods(service, method, status):
    answer = service.client.request(method, "/mcp")
    assert (answer.status, answer.headers["Allow"]) == (status, "POST")


@pytest.mark.mode_independent
def test_other_types_and_sizes(service):
    assert post(service, b"{}", **{"Content-Type": "text/plain"}).status == 415
    assert post(service, b" " * (33 << 20)).status == 413


@pytest.mark.mode_independent
@pytest.mark.parametrize("version, status", [("2025-06-18", 200), ("2025-03-26", 400), ("2024-11-05", 400), ("nonsense", 400), ("", 400)])
def test_versions(service, version, status):
    assert ask(service, "ping", **{"MCP-Protocol-Version": version}).status == status


@pytest.mark.mode_independent
def test_web_pages(service, start_server):
    """A page of elsewhere, or of a name that was made to lead here, is not let in."""
    port = service.port
    for origin, host, status in [
            (None, None, 200), (f"http://127.0.0.1:{port}", None, 200), (f"http://localhost:{port}", f"localhost:{port}", 200),
            ("https://evil.example", None, 403), ("null", None, 403), (f"http://evil.example:{port}", f"evil.example:{port}", 403),
            (f"http://127.0.0.1:{port + 1}", None, 403)]:
        headers = {name: value for name, value in (("Origin", origin), ("Host", host)) if value}
        assert ask(service, "ping", **headers).status == status, (origin, host)
    named = start_server("--slots=1", "--cors-origin=https://a.example")
    answer = ask(named, "ping", Origin="https://a.example")
    assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (200, "https://a.example")
    assert ask(named, "ping", Origin="https://b.example").status == 403
    asked = named.client.request("OPTIONS", "/mcp", headers={
        "Origin": "https://a.example", "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "mcp-protocol-version"})
    assert asked.status == 204 and "MCP-Protocol-Version" in asked.headers["Access-Control-Allow-Headers"]


@pytest.mark.mode_independent
def test_the_token(start_server):
    server = start_server("--slots=1", environment={"CODE_RUNNER_TOKENS": "secret"})
    assert ask(server, "ping").status == 401
    assert ask(server, "ping", Authorization="Bearer secret").json["result"] == {}
