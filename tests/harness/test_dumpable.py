"""The harness is ready only when no other process of its uid may look into it: PR_SET_DUMPABLE of prctl(2)."""

import shutil

import driver
import pytest

pytestmark = pytest.mark.mode_independent


def test_is_undumpable(run):
    script = """
import ctypes, subprocess, sys
CODE = "import ctypes; print(ctypes.CDLL(None).prctl(3))"
def main():
    return ctypes.CDLL(None).prctl(3), subprocess.check_output([sys.executable, "-c", CODE], text=True)
"""
    assert run(script).result == '[0, "1\\n"]'


def test_never_ready_while_dumpable(start, tmp_path, monkeypatch):
    shutil.copytree(driver.HARNESS, tmp_path, dirs_exist_ok=True)
    text = (tmp_path / "system.py").read_text()
    assert '"prctl", 4' in text
    (tmp_path / "system.py").write_text(text.replace('"prctl", 4', '"prctl", -1'))
    monkeypatch.setattr(driver, "packed_harness", lambda: driver.pack_harness(tmp_path, tmp_path))
    harness = start()
    assert harness.receive() is None
    assert harness.process.wait(10) == 71
