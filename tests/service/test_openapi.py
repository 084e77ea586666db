"""docs/openapi.json is what the service does: each status that it names is provoked, each answer validated, and no answer
has a status or header that it does not name."""
import contextlib
import json
import os
import re
import signal

import jsonschema
import pytest

from support import procs
from support.client import JSON_TYPE, Client, execute_bytes, head
from support.events import EVENTS
from support.server import TOP

pytestmark = pytest.mark.mode_independent

DOCUMENT = json.loads((TOP / "docs" / "openapi.json").read_text())
PLAIN = "def main():\n    return 42\n"
SLEEPS = "import time\ndef main():\n    time.sleep(20)\n"
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
# Headers of every answer, which are HTTP's own or say nothing of the API.
COMMON = {"date", "content-type", "content-length", "transfer-encoding", "connection", "x-content-type-options", "cache-control",
          "referrer-policy", "content-security-policy", "vary", "access-control-allow-origin", "access-control-expose-headers",
          "x-accel-buffering"}


def follow(item):
    while "$ref" in item:
        found = DOCUMENT
        for name in item["$ref"].removeprefix("#/").split("/"):
            found = found[name]
        item = found
    return item


def validate(value, schema):
    resolver = jsonschema.RefResolver("", DOCUMENT)
    jsonschema.Draft202012Validator({"$ref": schema} if isinstance(schema, str) else schema, resolver=resolver).validate(value)


def check(path, method, answer):
    """It is what the document says of this status; returns the status as it is there."""
    status = str(answer.status)
    documented = DOCUMENT["paths"][path][method]["responses"]
    assert status in documented, f"not documented: {answer}"
    response = follow(documented[status])
    kind = (answer.headers["Content-Type"] or "").partition(";")[0]
    if method == "head":
        assert answer.body == b""
    elif "content" not in response:
        assert answer.body == b"" and (not kind or answer.status == 304)
    else:
        assert kind in response["content"], (kind, answer)
        schema = response["content"][kind]["schema"]
        validate(answer.json if kind == "application/json" else answer.body.decode(), schema)
    headers = {name.lower(): follow(header) for name, header in response["headers"].items()}
    for name, header in headers.items():
        if name in answer.headers:
            validate(answer.headers[name], header["schema"])
        else:
            assert not header.get("required"), name
    assert {name.lower() for name in answer.headers.keys()} <= COMMON | set(headers), answer.headers
    return status


# ---- the ways to each status ----

def call(script, **more):
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "run_python", "arguments": {"script": script, **more}}}
    return json.dumps(message).encode()


def rpc(method):
    return json.dumps({"jsonrpc": "2.0", "id": 1, "method": method}).encode()


class Places:
    """A server in each state that is needed, started when it is."""

    def __init__(self, service, start_server):
        self.service, self.start_server, self.made = service, start_server, {}

    def post(self, path, body, headers=None, server=None):
        return (server or self.service).client.request("POST", path, body, {**JSON_TYPE, **(headers or {})})

    def get(self, path, server=None):
        return (server or self.service).client.get(path)

    def head(self, path, server=None, headers=None):
        return (server or self.service).client.request("HEAD", path, headers=headers or {})

    def locked(self):
        if "locked" not in self.made:
            self.made["locked"] = self.start_server("--slots=1", environment={"CODE_RUNNER_TOKENS": "secret"})
        return self.made["locked"]

    @contextlib.contextmanager
    def busy(self):
        """One whose only slot is taken."""
        if "busy" not in self.made:
            self.made["busy"] = self.start_server("--slots=1", "--queue=0")
        server = self.made["busy"]
        with server.raw() as raw:
            raw.send(execute_bytes(SLEEPS))
            procs.poll(lambda: server.client.get("/ready").json["running"] == 1, 5, "it runs")
            yield server
        procs.poll(lambda: server.client.get("/ready").json["running"] == 0, 5, "it has ended")

    def broken(self, path, body):
        """The answer to a script whose sandbox is taken away."""
        server = self.start_server("--slots=1")
        with server.raw() as raw:
            raw.send(head(path=path, Content_Type="application/json", Content_Length=len(body)) + body)
            procs.poll(lambda: server.client.get("/ready").json["running"] == 1, 5, "it runs")
            os.kill(server.zygote_pid(), signal.SIGKILL)
            return raw.read_answer()

    def draining(self, path, body=None, method="GET"):
        server = self.start_server("--slots=1", "--grace-seconds=20")
        with server.raw() as raw:
            raw.send(execute_bytes(SLEEPS))
            procs.poll(lambda: server.client.get("/ready").json["running"] == 1, 5, "it runs")
            server.process.send_signal(signal.SIGTERM)
            client = Client(server.port)
            procs.poll(lambda: client.get("/health").status == 503, 5, "it drains")
            answer = client.request("POST", path, body, JSON_TYPE) if body else client.request(method, path)
            client.close()
        return answer

    def busy_post(self, path, body):
        with self.busy() as server:
            return self.post(path, body, server=server)

    def impatient_post(self, path, body):
        """One that waits for a slot, for a second."""
        server = self.start_server("--slots=1", "--queue=1", "--queue-wait-seconds=1")
        with server.raw() as raw:
            raw.send(execute_bytes(SLEEPS))
            procs.poll(lambda: server.client.get("/ready").json["running"] == 1, 5, "it runs")
            return self.post(path, body, server=server)

    def crowded_post(self, path):
        """One large request more than may be there at once: the one that is refused hears it when it has been read."""
        server = self.start_server("--slots=1")
        size = 32 << 20
        with contextlib.ExitStack() as stack:
            raws = [stack.enter_context(server.raw()) for _ in range(5)]
            for raw in raws:
                raw.send(head(path=path, Content_Type="application/json", Content_Length=size) + b" " * (size - 1))
            answers = []
            for raw in raws:
                raw.send(b" ")
                answers.append(raw.read_answer())
        refused = [answer for answer in answers if answer.status == 503]
        assert len(refused) == 1, answers
        validate(refused[0].json, "#/components/schemas/Error")
        return refused[0]

    def busy_get(self, path):
        with self.busy() as server:
            return self.get(path, server)


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
    ("/execute", "post", "500", lambda at: at.broken("/execute", execute_body(SLEEPS))),
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
    ("/mcp", "post", "500", lambda at: at.broken("/mcp", call(SLEEPS))),
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
def places(service, start_server):
    return Places(service, start_server)


@pytest.mark.parametrize("path, method, status, way", WAYS, ids=[f"{path}-{method}-{status}-{n}" for n, (path, method, status, _) in enumerate(WAYS)])
def test_an_answer_is_as_documented(places, path, method, status, way):
    assert check(path, method, way(places)) == status


def test_each_documented_status_has_a_way():
    documented = {(path, method, status) for path, item in DOCUMENT["paths"].items() for method, operation in item.items()
                  for status in operation["responses"]}
    assert documented == {way[:3] for way in WAYS}


def test_each_outcome_is_documented():
    words = set(re.findall(r'= \{"([a-z_]+)", (?:true|false)\}', (TOP / "src" / "outcome.c").read_text()))
    assert len(words) > 10
    documented = set(DOCUMENT["components"]["schemas"]["Error"]["properties"]["outcome"]["enum"])
    assert documented == words - {"success"} | {"unauthorized"}


def test_it_can_find_a_difference():
    with pytest.raises(jsonschema.ValidationError):
        validate({"result": 1}, "#/components/schemas/Result")
    with pytest.raises(jsonschema.ValidationError):
        validate({"result": 1, "stdout": "", "more": 1}, "#/components/schemas/Result")
    with pytest.raises(jsonschema.ValidationError):
        validate({"error": "x", "outcome": "unheard_of"}, "#/components/schemas/Error")


# ---- the document itself ----

def test_it_is_served_as_it_is_in_the_tree(service):
    answer = service.client.get("/openapi.json")
    assert answer.body == (TOP / "docs" / "openapi.json").read_bytes()
    assert service.client.request("HEAD", "/openapi.json").headers["Content-Length"] == str(len(answer.body))
    assert service.client.request("POST", "/openapi.json").headers["Allow"] == "GET, HEAD"
    version = re.search(r'#define VERSION "(.*)"', (TOP / "include" / "version.h").read_text()).group(1)
    assert answer.json["info"]["version"] == version


def test_its_examples_are_true(service):
    for path, field in (("/execute", "Result"), ("/mcp", "RpcAnswer")):
        operation = DOCUMENT["paths"][path]["post"]
        asked = operation["requestBody"]["content"]["application/json"]
        told = operation["responses"]["200"]["content"]["application/json"]
        validate(asked["example"], asked["schema"])
        validate(told["example"], f"#/components/schemas/{field}")
        answer = service.client.request("POST", path, json.dumps(asked["example"]).encode(), JSON_TYPE)
        assert answer.json == told["example"]
    error = DOCUMENT["paths"]["/execute"]["post"]["responses"]["400"]["content"]["application/json"]["example"]
    assert service.execute("def main():\n    1/0\n").json == error


def constraints(schema):
    """Of a schema, without what is for people; the largest values differ, since the tool says those of this service."""
    if not isinstance(schema, dict):
        return schema
    return {name: constraints(value) for name, value in schema.items() if name not in ("description", "maximum")}


def test_the_tool_takes_what_execute_takes(service):
    schema = DOCUMENT["components"]["schemas"]["Script"]
    tool = service.client.request("POST", "/mcp", rpc("tools/list"), JSON_TYPE).json["result"]["tools"][0]
    assert constraints(tool["inputSchema"]) == constraints(schema)
    assert constraints({"maximum": 1, "a": {"minimum": 2}}) == {"a": {"minimum": 2}}
    files = DOCUMENT["components"]["schemas"]["File"]["properties"]
    told = tool["outputSchema"]["properties"]["files"]["additionalProperties"]["properties"]
    assert set(told) == set(files) and {name: told[name]["type"] for name in told} == {name: files[name]["type"] for name in files}


WRONG = {"script": 5, "args": 5, "stdin": 5, "files": [], "return_files": {}, "timeout_seconds": 0, "memory_mb": 1}


def test_each_field_means_something(service):
    """A wrong value is refused by the schema and by the service, which names the field."""
    schema = DOCUMENT["components"]["schemas"]["Script"]
    tool = service.client.request("POST", "/mcp", rpc("tools/list"), JSON_TYPE).json["result"]["tools"][0]["inputSchema"]
    assert set(schema["properties"]) == set(WRONG) == set(tool["properties"])
    for name, value in WRONG.items():
        body = {"script": PLAIN, name: value}
        with pytest.raises(jsonschema.ValidationError):
            validate(body, "#/components/schemas/Script")
        with pytest.raises(jsonschema.ValidationError):
            validate(body, tool)
        answer = service.client.post(json.dumps(body).encode())
        assert answer.status == 400 and f"'{name}'" in answer.json["error"]
