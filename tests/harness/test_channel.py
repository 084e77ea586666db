"""Frames on the channel to the harness: their order, their borders, and its exit status when they are wrong."""

import struct

import pytest
from driver import ERROR, READY, RUN, SCRIPT, Answer

pytestmark = pytest.mark.mode_independent


@pytest.mark.parametrize("frames, status", [
    ([(99, b"")], 70),
    ([(RUN, b"")], 70),
    ([(SCRIPT, b"x"), (SCRIPT, b"x")], 70),
    ([(SCRIPT, b"x"), (RUN, b"x")], 70),
    ([(READY, b"")], 70),
    ([], 0),
    ([(SCRIPT, b"x")], 0),
])
def test_order_of_frames(start, frames, status):
    harness = start()
    assert harness.receive() == (READY, b"")
    for kind, payload in frames:
        harness.send(kind, payload)
    harness.channel.shutdown(1)
    assert harness.receive() is None
    assert harness.process.wait(10) == status


def test_end_within_a_frame(start):
    harness = start()
    harness.receive()
    harness.channel.sendall(struct.pack("=IIc", SCRIPT, 5, b"x"))
    harness.channel.shutdown(1)
    assert harness.process.wait(10) == 70


def test_frames_may_come_byte_by_byte(start):
    harness, answer = start(), Answer()
    harness.receive()
    script = "def main(): return 'é'".encode()
    for byte in struct.pack("=II", SCRIPT, len(script)) + script + struct.pack("=II", RUN, 0):
        harness.channel.sendall(bytes([byte]))
    assert harness.receive() == (18, b'"\\u00e9"')
    harness.finish(answer)
    assert answer.status == 0


def test_error_frame_has_three_texts(run):
    kind, payload = run("def main(): raise ValueError('a\\0b')\n").frames[0]
    assert kind == ERROR and payload.count(b"\0") == 2
