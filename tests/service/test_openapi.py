"""docs/openapi.json as a document: it is served, its examples are true, and it has the outcomes and fields that the
service and its tool have."""
import json
import re

import jsonschema
import pytest

from support.client import JSON_TYPE, rpc
from support.openapi import DOCUMENT, validate
from support.scripts import PLAIN
from support.server import TOP

pytestmark = pytest.mark.mode_independent


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
