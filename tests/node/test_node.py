"""What npm's programs say of the service."""
import pathlib
import subprocess

HERE = pathlib.Path(__file__).parent


def node(script, *arguments, seconds=60):
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
