"""docs/openapi.json as a judge: values against its schemas, answers against what it says of their status."""
import json

import jsonschema

from support.server import TOP

DOCUMENT = json.loads((TOP / "docs" / "openapi.json").read_text())
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
