"""The README's examples, as a reader would type them, answer what the README says they answer."""
import json
import re
import subprocess

import pytest

from support.server import BINARY, TOP

README = (TOP / "README.md").read_text()
# A bash block that calls curl, and the json (or text) block that follows it before any other block.
EXAMPLES = re.findall(r"```bash\n(curl [^`]*)```\n(?:(?!```)[\s\S])*?```json\n([^`]*)```", README)
TEXTS = re.findall(r"```bash\n(curl [^`]*)```\n(?:(?!```)[\s\S])*?```text\n([^`]*)```", README)
SEED = ["Hello from Cloud Run!", "import numpy as np", "import pandas as pd", "Starting calculation..."]


@pytest.mark.mode_independent
def test_every_seed_example_is_in_the_readme():
    for text in SEED:
        assert any(text in command for command, _ in EXAMPLES), text
    assert len(EXAMPLES) >= len(SEED) + 1  # and the health check
    assert len(EXAMPLES) + len(TEXTS) == len(re.findall(r"^curl ", README, re.M)), "a curl example has no answer after it"


def run_example(service, command, place):
    command = command.replace("http://localhost:8080", f"http://127.0.0.1:{service.port}").replace("curl ", "curl -sS ", 1)
    assert str(service.port) in command
    shown = subprocess.run(["bash", "-c", command], cwd=place, capture_output=True, text=True, timeout=60, check=True)
    assert shown.stderr == ""
    return shown.stdout


@pytest.mark.parametrize("command, answer", EXAMPLES, ids=[str(number) for number in range(len(EXAMPLES))])
def test_example(service, command, answer, tmp_path):
    assert json.loads(run_example(service, command, tmp_path)) == json.loads(answer)


@pytest.mark.parametrize("command, answer", TEXTS, ids=[str(number) for number in range(len(TEXTS))])
def test_example_that_is_no_json(service, command, answer, tmp_path):
    assert run_example(service, command, tmp_path) == answer


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
