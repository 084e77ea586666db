"""Fixtures that run scripts in sandbox/harness."""

import time
from pathlib import Path

import pytest
from driver import READY, RUN, SCRIPT, Answer, Harness


@pytest.fixture
def start():
    """start(**environment) gives a Harness that is cleaned up after the test."""
    started = []

    def start_one(**environment):
        started.append(Harness(environment))
        return started[-1]

    yield start_one
    for harness in started:
        harness.close()


@pytest.fixture
def run(start):
    """run(script) gives its Answer."""

    def run_one(script, files=(), **environment):
        harness, answer = start(**environment), Answer()
        for name, text in dict(files).items():
            (Path(harness.directory.name) / name).write_text(text)
        assert harness.receive() == (READY, b"")
        harness.send(SCRIPT, script if isinstance(script, bytes) else script.encode())
        began = time.monotonic()
        harness.send(RUN)
        frame = harness.receive()
        answer.seconds = time.monotonic() - began
        if frame is not None:
            answer.frames.append(frame)
        harness.finish(answer)
        return answer

    return run_one
