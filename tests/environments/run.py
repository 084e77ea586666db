"""run.py [NAME]...: runs the containment suite in each environment, or in those named; what
`make test-environments` calls. One line an environment; exit status 1 if anything failed.

Everything that lasts is below the cache (see podman.CACHE): the image, the virtual machine's files, a log
of each environment. Each suite has mounts and a network of its own, so nothing is left of it.
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.dirname(__file__))
import launch  # noqa: E402
import podman  # noqa: E402
import vm  # noqa: E402
from expectations import NOT_HERE  # noqa: E402
from rows import ROWS  # noqa: E402

TOP = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("CODE_RUNNER", str(TOP / "build" / "code-runner"))
PYTEST = [sys.executable, "-m", "pytest", "-c", "tests/pytest.ini", "-v", "--tb=short", "-m", "not mode_independent",
          "tests/environments", "tests/containment"]
# The loopback interface of a new network is down.
ALONE = ["unshare", "--mount", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "alone"]
MOST_SECONDS = 2400
MOST_AGAIN = 150  # one service that does not start fails all cases of its file, 104 at most
AGAIN = ("gvisor", "gvisor-cold", "vm")  # what is emulated can be late once; elsewhere the first word counts
BUILT = ("image", "vm")  # they need what is built meanwhile
BESIDE = "vm"  # runs beside the others: it needs one processor, and has time enough
LAST = "gvisor"  # takes longest of them, and is not to meet the virtual machine for long
LANES = 2  # of containers: a suite waits half of its time


class Beside(threading.Thread):
    """Builds the image and the virtual machine's files while other environments run, then runs the machine."""

    def __init__(self, names):
        super().__init__(daemon=True)
        self.names, self.error, self.seconds, self.well, self.lines = names, None, 0.0, [], []
        self.built = threading.Event()

    def build(self):
        began = time.monotonic()
        try:
            if set(BUILT) & set(self.names):
                podman.build_image(TOP)
            if "vm" in self.names:
                vm.make_files()
        except Exception as error:
            self.error = f"cannot be built: {error!r}\n{getattr(error, 'stderr', None) or ''}"
        finally:  # others wait for that
            self.seconds = time.monotonic() - began
            self.built.set()

    def run(self):
        self.build()
        if not self.error and BESIDE in self.names:
            self.well.append(run(BESIDE, self.lines.append))


def check(name):
    """What code-runner --check says there."""
    with tempfile.TemporaryDirectory(dir=podman.CACHE) as folder:
        command = [sys.executable, launch.__file__, name, f"{folder}/state", "--", BINARY, "--port=1", "--check"]
        done = subprocess.run([*ALONE, *command], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def suite(name, log, *options):
    """(passed, failed, skipped) of the tests."""
    report = podman.CACHE / f"{name}.xml"
    report.unlink(missing_ok=True)
    environment = os.environ | {"CODE_RUNNER": BINARY, "CODE_RUNNER_CONTROLS": str(podman.CACHE / "controls"), "CODE_RUNNER_ENVIRONMENT": name,
                                "CODE_RUNNER_TIME_FACTOR": str(ROWS[name].time_factor)}
    # A case that hangs is one failed case with a name and a place; the longest takes 20 s, and a virtual machine some minutes to start.
    limit = f"--timeout={max(300, 40 * ROWS[name].time_factor):.0f}"
    command = [*ALONE, *PYTEST, limit, *ROWS[name].tests, *options, f"--junitxml={report}", "-o", f"cache_dir={podman.CACHE}/pytest-{name}"]
    try:
        subprocess.run(command, cwd=TOP, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=MOST_SECONDS)
    except subprocess.TimeoutExpired:
        last = pathlib.Path(log.name).read_text(errors="replace").splitlines()[-1:]
        log.write(f"\nERROR it took more than {MOST_SECONDS} s, and was here: {''.join(last)}\n")
    if not report.exists():
        return 0, 1, 0
    counts = xml.etree.ElementTree.parse(report).getroot().find("testsuite").attrib
    failed, skipped = int(counts["failures"]) + int(counts["errors"]), int(counts["skipped"])
    return int(counts["tests"]) - failed - skipped, failed, skipped


def failures(path):
    lines = path.read_text(errors="replace").splitlines()
    return "\n".join(line for line in lines if line.startswith(("E  ", "FAILED", "ERROR"))) + f"\nall of it: {path}"


def run(name, tell):
    """True if all is well. Calls tell with what is to be printed. Cases that failed in an emulator, a few or all of one
    file, are tried once more by themselves: what it makes late is not late twice. Both are told."""
    began = time.monotonic()
    status, table = check(name)
    tell(f"{name}: {ROWS[name].what}\n{table.rstrip()}")
    if status != 0 and name in AGAIN:
        status, table = check(name)
        tell(f"{name}: asked once more\n{table.rstrip()}")
    if ROWS[name].refuses:
        refused = status != 0 and ROWS[name].refuses in table
        tell(f"{name:<23} {'refuses to start, as it must' if refused else 'does not refuse to start, and must'}, {time.monotonic() - began:.0f} s")
        return refused
    path = podman.CACHE / f"{name}.log"
    with open(path, "w", encoding="utf-8") as log:
        passed, failed, skipped = suite(name, log)
    if name in AGAIN and 0 < failed <= MOST_AGAIN and passed:
        tell(f"{name}: {failed} failed and are tried once more:\n{failures(path)}")
        path = podman.CACHE / f"{name}-again.log"
        with open(path, "w", encoding="utf-8") as log:
            again, failed, _ = suite(name, log, "--last-failed")
        passed += again
    failed += skipped  # a test that was skipped has failed, and is not tried again
    left_out = len(NOT_HERE.get(name, ()))
    tell(f"{name:<23} {passed} passed, {failed} failed, {time.monotonic() - began:.0f} s"
         + (f"; not tried here: {left_out} (expectations.py says why)" if left_out else "")
         + ("; a selection of the suite" if ROWS[name].tests else ""))
    if failed:
        tell(failures(path))
    return not failed and status == 0


def say(text):
    print(text, flush=True)


def run_told(name):
    """As run(), and says everything at once when it is over."""
    lines = []
    try:
        return run(name, lines.append)
    finally:
        say("\n".join(lines))


def run_all(names):
    """Whether all is well, one for each."""
    beside = Beside(names)
    beside.start()
    with ThreadPoolExecutor(LANES) as lanes:
        started = [lanes.submit(run_told, name) for name in names if name not in (*BUILT, LAST)]
        if "image" in names:
            started.append(lanes.submit(lambda: beside.built.wait() and not beside.error and run_told("image")))
        if LAST in names:
            started.append(lanes.submit(run_told, LAST))
    well = [row.result() for row in started]
    beside.join()
    say("\n".join(beside.lines))
    if beside.error:
        say(beside.error)
        well.append(False)
    elif set(BUILT) & set(names):
        say(f"image and virtual machine were built in {beside.seconds:.0f} s")
    return well + beside.well


def main():
    names = sys.argv[1:] or list(ROWS)
    unknown = [name for name in names if name not in ROWS]
    if unknown:
        sys.exit(f"no such environment: {' '.join(unknown)}; there are: {' '.join(ROWS)}")
    launch.own_mounts()
    podman.CACHE.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(podman.CACHE / "controls", ignore_errors=True)  # of an earlier run
    (podman.CACHE / "controls").mkdir()
    began = time.monotonic()
    well = run_all(names)
    shutil.rmtree(podman.CACHE / "podman" / "tmp", ignore_errors=True)
    say(f"{len(well)} of {len(names)} environments run, {sum(well)} well, {time.monotonic() - began:.0f} s")
    return 0 if len(well) == len(names) and all(well) else 1


if __name__ == "__main__":
    sys.exit(main())
