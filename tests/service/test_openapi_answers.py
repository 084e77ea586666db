"""docs/openapi.json is what the service does: each status that it names is provoked, each answer validated, and no answer
has a status or header that it does not name."""
import json

import pytest

from support.client import rpc
from support.events import EVENTS
from support.openapi import DOCUMENT, check
from support.scripts import PLAIN, SLEEPS
from support.states import States

pytestmark = pytest.mark.mode_independent

RICH = """
import sys
import matplotlib.pyplot as plt
def main():
    print("out")
    print("err", file=sys.stderr)
    open("b.txt", "w").write("x")
    plt.plot([1])
    return {"a": [1, None]}
"""


def call(script, **more):
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "run_python", "arguments": {"script": script, **more}}}
    return json.dumps(message).encode()


def execute_body(script=PLAIN, **fields):
    return json.dumps({"script": script, **fields}).encode()


INITIALIZE = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
    "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}}).encode()
TOO_LARGE = b" " * (33 << 20)
TEXT = {"Content-Type": "text/plain"}
# Path, method, status as documented; how it comes about.
WAYS = [
    ("/execute", "post", "200", lambda at: at.post("/execute", execute_body())),
    ("/execute", "post", "200", lambda at: at.post("/execute", execute_body(RICH, return_files=["*.txt"]))),
    ("/execute", "post", "200", lambda at: at.post("/execute", execute_body(), {"Accept": EVENTS})),
    *[("/execute", "post", "400", lambda at, body=body: at.post("/execute", body)) for body in (
        b"", b"[]", b"{}", execute_body("x = 1"), execute_body("def main(:"), execute_body("print('x')\ndef main():\n    1/0\n"),
        execute_body("import os\ndef main():\n    os._exit(1)\n"), execute_body("import os\ndef main():\n    os.kill(os.getpid(), 9)\n"),
        execute_body("def main():\n    return {1}\n"), execute_body(SLEEPS, timeout_seconds=0.2),
        execute_body("def main():\n    return bytearray(400 << 20)\n"), execute_body("def main():\n    print('x' * (11 << 20))\n"),
        execute_body("import sys\ndef main():\n    sys.stderr.write('e')\n    1/0\n"), execute_body("def main(a): pass", args=[]))],
    ("/execute", "post", "401", lambda at: at.post("/execute", execute_body(), server=at.locked())),
    ("/execute", "post", "413", lambda at: at.post("/execute", TOO_LARGE)),
    ("/execute", "post", "415", lambda at: at.post("/execute", execute_body(), TEXT)),
    ("/execute", "post", "500", lambda at: at.broken("/execute", execute_body)),
    ("/execute", "post", "405", lambda at: at.service.client.get("/execute")),
    ("/execute", "post", "503", lambda at: at.busy_post("/execute", execute_body())),
    ("/execute", "post", "503", lambda at: at.impatient_post("/execute", execute_body())),
    ("/execute", "post", "503", lambda at: at.draining("/execute", execute_body())),
    ("/execute", "post", "503", lambda at: at.crowded_post("/execute")),
    *[("/mcp", "post", "200", lambda at, body=body: at.post("/mcp", body)) for body in (
        rpc("initialize"), INITIALIZE, rpc("ping"), rpc("tools/list"), rpc("nothing"), call(RICH), call("def main():\n    1/0\n"), call(""))],
    ("/mcp", "post", "202", lambda at: at.post("/mcp", b'{"jsonrpc": "2.0", "method": "notifications/initialized"}')),
    *[("/mcp", "post", "400", lambda at, body=body: at.post("/mcp", body)) for body in (b"", b"[]", b"{}")],
    ("/mcp", "post", "400", lambda at: at.post("/mcp", rpc("ping"), {"MCP-Protocol-Version": "1"})),
    ("/mcp", "post", "401", lambda at: at.post("/mcp", rpc("ping"), server=at.locked())),
    ("/mcp", "post", "403", lambda at: at.post("/mcp", rpc("ping"), {"Origin": "https://elsewhere.example"})),
    ("/mcp", "post", "413", lambda at: at.post("/mcp", TOO_LARGE)),
    ("/mcp", "post", "415", lambda at: at.post("/mcp", rpc("ping"), TEXT)),
    ("/mcp", "post", "500", lambda at: at.broken("/mcp", call)),
    ("/mcp", "post", "405", lambda at: at.service.client.get("/mcp")),
    ("/mcp", "post", "503", lambda at: at.busy_post("/mcp", call(PLAIN))),
    ("/mcp", "post", "503", lambda at: at.draining("/mcp", call(PLAIN))),
    ("/mcp", "post", "503", lambda at: at.crowded_post("/mcp")),
    ("/health", "get", "200", lambda at: at.get("/health")),
    ("/health", "get", "200", lambda at: at.get("/health", at.locked())),
    ("/health", "get", "503", lambda at: at.draining("/health")),
    ("/ready", "get", "200", lambda at: at.get("/ready")),
    ("/ready", "get", "200", lambda at: at.get("/ready", at.locked())),
    ("/ready", "get", "503", lambda at: at.busy_get("/ready")),
    ("/metrics", "get", "200", lambda at: at.get("/metrics")),
    ("/metrics", "get", "401", lambda at: at.get("/metrics", at.locked())),
    ("/openapi.json", "get", "200", lambda at: at.get("/openapi.json")),
    ("/openapi.json", "get", "401", lambda at: at.get("/openapi.json", at.locked())),
    ("/", "get", "200", lambda at: at.get("/")),
    ("/", "get", "200", lambda at: at.get("/", at.locked())),
    ("/", "get", "304", lambda at: at.service.client.request("GET", "/", headers={"If-None-Match": "*"})),
    *[("/assets/{file}", "get", "200", lambda at, name=name: at.get(f"/assets/{name}", at.locked()))
      for name in ("page.js", "page.css", "codemirror-license.txt")],
    ("/assets/{file}", "get", "304", lambda at: at.service.client.request("GET", "/assets/page.js", headers={"If-None-Match": "*"})),
    ("/assets/{file}", "get", "401", lambda at: at.get("/assets/nothing.js", at.locked())),
    ("/assets/{file}", "get", "404", lambda at: at.get("/assets/nothing.js")),
]


def other_methods():
    """HEAD wherever GET is, with the same status; and a method that no path has."""
    paths = [path for path, item in DOCUMENT["paths"].items() if "get" in item]
    yield from ((path, "get", "405", lambda at, path=path: at.service.client.request("PUT", asked(path))) for path in paths)
    yield from ((path, "head", "200", lambda at, path=path: at.head(asked(path))) for path in paths)
    for path in ("/metrics", "/openapi.json"):
        yield path, "head", "401", lambda at, path=path: at.head(path, at.locked())
    for path in ("/", "/assets/{file}"):
        yield path, "head", "304", lambda at, path=path: at.head(asked(path), headers={"If-None-Match": "*"})
    yield "/assets/{file}", "head", "401", lambda at: at.head("/assets/nothing.js", at.locked())
    yield "/assets/{file}", "head", "404", lambda at: at.head("/assets/nothing.js")
    yield "/health", "head", "503", lambda at: at.draining("/health", method="HEAD")
    yield "/ready", "head", "503", lambda at: at.draining("/ready", method="HEAD")


def asked(path):
    return path.replace("{file}", "page.js")


WAYS += other_methods()


@pytest.fixture(scope="module")
def states(service, start_server):
    return States(service, start_server)


@pytest.mark.parametrize("path, method, status, way", WAYS, ids=[f"{path}-{method}-{status}-{n}" for n, (path, method, status, _) in enumerate(WAYS)])
def test_an_answer_is_as_documented(states, path, method, status, way):
    assert check(path, method, way(states)) == status


def test_each_documented_status_has_a_way():
    documented = {(path, method, status) for path, item in DOCUMENT["paths"].items() for method, operation in item.items()
                  for status in operation["responses"]}
    assert documented == {way[:3] for way in WAYS}
