"""bench/size.py against a real service: what docs/operating.md tells the reader to run."""
import re
import subprocess
import sys
import time

import pytest

from support.server import TOP

pytestmark = pytest.mark.mode_independent


def size(server, script, *flags):
    """(what it prints, how many were answered 200, seconds that it took at most)."""
    began = time.monotonic()
    ran = subprocess.run([sys.executable, str(TOP / "bench" / "size.py"), f"http://127.0.0.1:{server.port}", str(script), *flags],
                         capture_output=True, text=True, timeout=90, check=True).stdout
    return ran, int(re.match(r"answers {.*\b200: (\d+)", ran)[1]), time.monotonic() - began


def test_it_finds_what_a_script_takes(start_server, tmp_path):
    """On a machine that is slow, less and longer: the figures agree with each other and with the answers."""
    server, script = start_server("--slots=2"), tmp_path / "script.py"
    script.write_text("import time\ndef main():\n    time.sleep(0.2)\n")
    ran, runs, seconds = size(server, script, "--at-once=4", "--seconds=3")
    figures = {name: float(value) for name, value in re.findall(r"^(rate|a run, mean|slots in use|at most) +([\d.]+) ", ran, re.M)}
    rate, mean, used = figures["rate"], figures["a run, mean"] / 1000, figures["slots in use"]
    assert runs / seconds - 0.1 < rate <= min(runs / 3, 10) + 0.1, ran
    assert 0.2 <= mean and used <= 2.1 and abs(used - rate * mean) < 0.01 + 0.06 * mean, ran
    assert rate * 0.8 <= figures["at most"] <= 10, ran
    assert re.match(r"answers \{200: \d+\}", ran), ran


def test_refusals_are_not_runs(start_server, tmp_path):
    server, script = start_server("--slots=1", "--queue=0"), tmp_path / "script.py"
    script.write_text("import time\ndef main():\n    time.sleep(0.3)\n")
    ran, runs, seconds = size(server, script, "--at-once=3", "--seconds=1")
    assert "503: " in ran.splitlines()[0]
    assert 300 <= float(re.search(r"^a run, mean +([\d.]+)", ran, re.M)[1]) <= seconds / runs * 1000, ran
