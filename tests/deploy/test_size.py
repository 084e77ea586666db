"""bench/size.py against a real service: what docs/operating.md tells the reader to run."""
import re
import subprocess
import sys

import pytest

from support.server import TOP

pytestmark = pytest.mark.mode_independent


def test_it_finds_what_a_script_takes(start_server, tmp_path):
    server, script = start_server("--slots=2"), tmp_path / "script.py"
    script.write_text("import time\ndef main():\n    time.sleep(0.2)\n")
    ran = subprocess.run([sys.executable, str(TOP / "bench" / "size.py"), f"http://127.0.0.1:{server.port}", str(script), "--at-once=4",
                          "--seconds=3"], capture_output=True, text=True, timeout=40, check=True).stdout
    figures = {name: float(value) for name, value in re.findall(r"^(rate|a run, mean|slots in use|at most) +([\d.]+) ", ran, re.M)}
    assert 200 <= figures["a run, mean"] < 300, ran
    assert 5 < figures["rate"] <= 10.5 and 1.3 < figures["slots in use"] <= 2.1, ran
    assert figures["rate"] * 0.8 <= figures["at most"] <= 10, ran
    assert re.match(r"answers \{200: \d+\}", ran), ran


def test_refusals_are_not_runs(start_server, tmp_path):
    server, script = start_server("--slots=1", "--queue=0"), tmp_path / "script.py"
    script.write_text("import time\ndef main():\n    time.sleep(0.3)\n")
    ran = subprocess.run([sys.executable, str(TOP / "bench" / "size.py"), f"http://127.0.0.1:{server.port}", str(script), "--at-once=3",
                          "--seconds=1"], capture_output=True, text=True, timeout=40, check=True).stdout
    assert "503: " in ran.splitlines()[0]
    assert 300 <= float(re.search(r"^a run, mean +([\d.]+)", ran, re.M)[1]) < 400
