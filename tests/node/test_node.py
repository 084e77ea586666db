"""What npm's programs say of the service, and the examples in JavaScript of README and docs/api.md."""
import pathlib
import subprocess

import pytest

from support.examples import examples_of
from support.server import TOP

HERE = pathlib.Path(__file__).parent


def node(script, *arguments, seconds=180):
    done = subprocess.run(["node", script, *arguments], cwd=HERE, capture_output=True, text=True, timeout=seconds, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_sdk_of_mcp(service):
    assert "all as the SDK expects" in node("mcp.mjs", f"http://127.0.0.1:{service.port}/mcp")


def test_the_sdk_of_mcp_with_a_token(start_server):
    server = start_server("--slots=4", environment={"CODE_RUNNER_TOKENS": "secret"})
    assert "all as the SDK expects" in node("mcp.mjs", f"http://127.0.0.1:{server.port}/mcp", "secret")


def test_openapi_is_valid(service):
    assert "openapi: valid" in node("openapi.mjs", f"http://127.0.0.1:{service.port}/openapi.json")


EXAMPLES = [pytest.param(example, id=f"{path}-{number}") for path in ("README.md", "docs/api.md")
            for number, example in enumerate(examples_of((TOP / path).read_text())) if example.language == "javascript"]


def test_both_pages_have_examples():
    assert {example.id.partition("-")[0] for example in EXAMPLES} == {"README.md", "docs/api.md"}


@pytest.mark.parametrize("example", EXAMPLES)
def test_example(service, example):
    example.says(node("--input-type=module", "--eval", example.for_port(service.port)))
