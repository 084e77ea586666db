"""A bad value of any option stops the start, and the text names the option."""
import os
import re
import socket
import subprocess

import pytest

from support.server import BINARY

pytestmark = pytest.mark.mode_independent


def run(*flags, **environment):
    done = subprocess.run([BINARY, *flags], capture_output=True, text=True, timeout=60, env={**os.environ, **environment})
    return done.returncode, done.stderr


def options():
    """(flag, environment or '') of each row of --help."""
    text = subprocess.run([BINARY, "--help"], capture_output=True, text=True, check=True).stdout
    return re.findall(r"^\| `--(\S+)` \| `?([A-Z_]*)`? \|", text, re.M)


def test_every_option_of_the_table():
    assert len(options()) > 25
    for flag, variable in options():
        for value in ("", "!" * 2000):
            status, said = run(f"--{flag}={value}")
            assert status == 2 and said.startswith(f"code-runner: --{flag}: "), (flag, said)
        if variable:
            status, said = run(**{variable: "!" * 2000})
            assert status == 2 and said.startswith(f"code-runner: {variable}: "), (variable, said)
        if flag in ("require", "token-file"):  # what is to let less in is not left out in silence
            status, said = run(**{variable: ""})
            assert status == 2 and said.startswith(f"code-runner: {variable}: "), (variable, said)
        assert len(said) < 300


@pytest.mark.parametrize("base", ["1", "999", "65400"])
def test_uids_that_are_or_may_be_others(base):
    status, said = run(f"--uid-base={base}", "--slots=32")
    assert status == 2 and said.startswith(f"code-runner: --uid-base: {base} is not 0 or from 1000 to "), said


@pytest.mark.parametrize("flags", [
    pytest.param(("--preload=there_is_no_such_module",), marks=pytest.mark.plain_memory),
    ("--python=/nonexistent/python3", "--start=cold"),
    ("--python=/etc/passwd", "--start=cold"),
    ("--address=192.0.2.1", "--start=cold"),
])
def test_what_only_the_machine_can_refuse(flags):
    status, said = run(*flags)
    assert status == 1 and flags[0].split("=")[0] in said, said


def test_port_in_use():
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        status, said = run(f"--port={other.getsockname()[1]}", "--address=127.0.0.1", "--start=cold")
    assert status == 1 and "--port" in said and "in use" in said, said
