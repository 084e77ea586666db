"""Frames that a script writes to the channel itself: it gets the outcome that they deserve, and the next script is not concerned."""
import pytest

FORGE = """
import os, struct, time
def frame(kind, payload): return struct.pack('=II', kind, len(payload)) + payload
def main():
    for data in (FRAMES):
        os.write(3, data)
    time.sleep(0.2)
    return 1
"""
PNG = r"b'\x89PNG\r\n\x1a\n'"
FORGED = {  # frames: outcomes that may come of it
    "frame(22, b'../../etc/x\\0d')": {"exited"},
    "frame(22, b'/x\\0d')": {"exited"},
    "frame(22, b'x')": {"exited"},
    "frame(22, b'a\\0b'), frame(22, b'a\\0c')": {"exited"},
    "frame(22, b'\\xff\\0b')": {"exited"},
    "frame(21, b'<svg>')": {"exited"},
    f"(frame(21, {PNG}) for n in range(21))": {"exited"},
    "(frame(22, b'%d\\0' % n) for n in range(101))": {"exited"},
    "(frame(23, b'') for n in range(100_000))": {"exited"},
    "frame(23, b'a'), frame(23, b'b')": {"exited"},
    "frame(23, bytes(20_000))": {"exited"},
    "frame(5, b'a\\0b')": {"exited"},
    "struct.pack('=II', 22, 0xffffffff),": {"output"},
    "struct.pack('=II', 21, 11 << 20),": {"output"},
    f"frame(21, {PNG} + bytes(6 << 20)), frame(21, {PNG} + bytes(6 << 20))": {"output"},
    "frame(23, b'forged \\xff\\n'), frame(22, b'b/c\\0forged'), frame(18, b'2')": {"success"},
}


@pytest.mark.parametrize("frames", FORGED)
def test_forged_frames(service, frames):
    frames = frames if frames.endswith(",") or frames.startswith("(") else frames + ","
    answer = service.execute(FORGE.replace("FRAMES", frames), return_files=["nothing"])
    assert answer.outcome in FORGED.get(frames, FORGED.get(frames[:-1])), answer
    if answer.outcome == "success":
        assert answer.json["files"] == {"b/c": {"data": "Zm9yZ2Vk", "size": 6}} and answer.json["stderr"] == "forged \ufffd\n"
    assert service.execute("def main(): return 1").body == b'{"result": 1, "stdout": ""}'


def test_files_that_were_not_asked_for(service):
    answer = service.execute(FORGE.replace("FRAMES", "frame(22, b'a\\0b'),"))
    assert answer.outcome == "exited", answer
