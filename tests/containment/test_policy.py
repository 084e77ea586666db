"""The system call policy alone, without the rest of the sandbox: the libraries run hard under it, and
strace counts what it refused them."""
import os
import re
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from attempts import stopped_by

pytestmark = [pytest.mark.mode_independent, stopped_by("seccomp")]

WORKLOAD = Path(__file__).with_name("workload.py").resolve()
TRY_SYSCALL = Path(os.environ.get("CODE_RUNNER", "build/code-runner")).resolve().with_name("try_syscall")

# What the libraries ask for and do without. clone3: glibc goes on with clone. mbind: a hint.
EXPECTED = {("clone3", "ENOSYS"), ("mbind", "ENOSYS"), ("socket", "EPERM")}


@pytest.fixture(scope="module")
def refused(tmp_path_factory):
    """(call, errno) → how often, of the whole workload."""
    directory = tmp_path_factory.mktemp("workload")
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MPLCONFIGDIR": str(directory)}
    done = subprocess.run(
        ["strace", "-f", "-qq", "-o", "log", "-e", "status=failed", TRY_SYSCALL, "um", "/usr/bin/python3", WORKLOAD],
        cwd=directory, env=environment, capture_output=True, text=True, timeout=600)
    assert (done.returncode, done.stdout.split()[-1:]) == (0, ["done"]), done.stdout + done.stderr
    pattern = re.compile(r"^\d+ +(?:<\.\.\. )?(\w+).* = -1 (EPERM|ENOSYS) ", re.M)
    return Counter(pattern.findall((directory / "log").read_text()))


def test_libraries_are_refused_nothing_that_they_need(refused):
    assert set(refused) <= EXPECTED, refused


def test_strace_sees_what_the_policy_refuses(refused):
    assert refused["clone3", "ENOSYS"] > 0 and refused["socket", "EPERM"] > 0


def test_without_names_of_its_own_only_the_parts_with_sockets_fail(tmp_path):
    """memfd and AF_UNIX off, shared uid and files on: the strictest variant still computes."""
    code = f"import runpy; w = runpy.run_path({str(WORKLOAD)!r}); [w[n]() for n in ('numbers', 'files', 'database', 'threads')]"
    done = subprocess.run([TRY_SYSCALL, "spf", "/usr/bin/python3", "-c", code], cwd=tmp_path, capture_output=True, text=True,
                          env=os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MPLCONFIGDIR": str(tmp_path)})
    assert done.returncode == 0, done.stderr
