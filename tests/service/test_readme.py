"""The examples of README and docs/api.md, as a reader would type them, answer what is written there that they answer. Those in
JavaScript are run by tests/node."""
import os
import re
import subprocess

import pytest

from support.examples import examples_of
from support.server import BINARY, TOP

README = (TOP / "README.md").read_text()
PAGES = {"readme": README, "api": (TOP / "docs" / "api.md").read_text()}
EXAMPLES = [pytest.param(example, id=f"{name}-{number}-{example.language}") for name, text in PAGES.items()
            for number, example in enumerate(examples_of(text)) if example.language != "javascript"]
SEED = ["Hello from Cloud Run!", "import numpy as np", "import pandas as pd", "Starting calculation..."]
# What the README shows at least once; each is part of a command.
FEATURES = ["args", "stdin", "files", "return_files", "figures", "text/event-stream", "timeout_seconds", "memory_mb", "Bearer $TOKEN",
            "/mcp", "/openapi.json", "/health"]


@pytest.mark.mode_independent
def test_every_seed_example_and_feature_is_in_the_readme():
    examples = examples_of(README)
    commands = [example.source for example in examples if example.language == "bash"]
    assert len(commands) == len(re.findall(r"^ *curl ", README, re.M)), "a curl example that is not run"
    for text in SEED + FEATURES:
        assert any(text in command for command in commands), text
    assert {example.language for example in examples} == {"bash", "python", "javascript"}


@pytest.fixture(scope="module")
def locked(start_server):
    return start_server("--slots=1", environment={"CODE_RUNNER_TOKENS": "token-of-the-examples"})


def run(example, server, place):
    source = example.for_port(server.port)
    if example.language == "bash":
        command = ["bash", "-o", "pipefail", "-c", source.replace("curl ", "curl -sS ", 1)]
    else:
        command = ["/usr/bin/python3", "-c", source]
    environment = {**os.environ, "TOKEN": "token-of-the-examples"}
    shown = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (shown.returncode, shown.stderr) == (0, "")
    return shown.stdout


@pytest.mark.parametrize("example", EXAMPLES)
def test_example(request, service, example, tmp_path):
    server = request.getfixturevalue("locked") if example.needs_token else service
    example.says(run(example, server, tmp_path))


@pytest.mark.mode_independent
def test_an_example_can_fail(service, tmp_path):
    example = examples_of(README)[0]
    example.answer = example.answer.replace("42", "43")
    with pytest.raises(AssertionError):
        example.says(run(example, service, tmp_path))


@pytest.mark.mode_independent
def test_options_are_those_of_help():
    shown = subprocess.run([BINARY, "--help"], capture_output=True, text=True, check=True).stdout
    table = shown[shown.index("| option"):]
    assert f"<!-- options -->\n{table}<!-- /options -->" in README


def test_top_level_link_runs_the_suite(service):
    done = subprocess.run(["/usr/bin/python3", "test_service.py", f"http://127.0.0.1:{service.port}"], cwd=TOP,
                          capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "13 passed, 0 failed"), done.stdout + done.stderr


@pytest.mark.mode_independent
def test_suite_can_fail():
    done = subprocess.run(["/usr/bin/python3", "test_service.py", "http://127.0.0.1:1"], cwd=TOP,
                          capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (1, "0 passed, 13 failed"), done.stdout + done.stderr
