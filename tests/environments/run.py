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

sys.path.insert(0, os.path.dirname(__file__))
import launch  # noqa: E402
import podman  # noqa: E402
import vm  # noqa: E402
from rows import ROWS  # noqa: E402

TOP = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("CODE_RUNNER", str(TOP / "build" / "code-runner"))
PYTEST = [sys.executable, "-m", "pytest", "-c", "tests/pytest.ini", "-q", "--tb=short", "-m", "not mode_independent",
          "tests/environments", "tests/containment"]
# The loopback interface of a new network is down.
ALONE = ["unshare", "--mount", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "alone"]
MOST_SECONDS = 600
LAST = ("image", "vm")  # they need what is built meanwhile


class Builder(threading.Thread):
    """Builds the image and the virtual machine's files while other environments run."""

    def __init__(self, names):
        super().__init__(daemon=True)
        self.names, self.error, self.seconds = names, None, 0.0

    def run(self):
        began = time.monotonic()
        try:
            if set(LAST) & set(self.names):
                podman.build_image(TOP)
            if "vm" in self.names:
                vm.make_files()
        except (OSError, subprocess.CalledProcessError) as error:
            self.error = error
        self.seconds = time.monotonic() - began


def check(name):
    """What code-runner --check says there."""
    with tempfile.TemporaryDirectory(dir=podman.CACHE) as folder:
        command = [sys.executable, launch.__file__, name, f"{folder}/state", "--", BINARY, "--port=1", "--check"]
        done = subprocess.run([*ALONE, *command], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def suite(name, log):
    """(passed, failed) of the tests; a test that was skipped has failed."""
    report = podman.CACHE / f"{name}.xml"
    report.unlink(missing_ok=True)
    environment = os.environ | {"CODE_RUNNER": BINARY, "CODE_RUNNER_CONTROLS": str(podman.CACHE / "controls"), "CODE_RUNNER_ENVIRONMENT": name,
                                "CODE_RUNNER_TIME_FACTOR": str(ROWS[name].time_factor)}
    command = [*ALONE, *PYTEST, *ROWS[name].tests, f"--junitxml={report}", "-o", f"cache_dir={podman.CACHE}/pytest-{name}"]
    try:
        subprocess.run(command, cwd=TOP, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=MOST_SECONDS)
    except subprocess.TimeoutExpired:
        log.write(f"ERROR it took more than {MOST_SECONDS} s\n")
    if not report.exists():
        return 0, 1
    counts = xml.etree.ElementTree.parse(report).getroot().find("testsuite").attrib
    failed = sum(int(counts[key]) for key in ("failures", "errors", "skipped"))
    return int(counts["tests"]) - failed, failed


def run(name):
    """True if all is well."""
    began = time.monotonic()
    print(f"{name}: {ROWS[name].what}", flush=True)
    status, table = check(name)
    print(table, end="", flush=True)
    path = podman.CACHE / f"{name}.log"
    with open(path, "w", encoding="utf-8") as log:
        passed, failed = suite(name, log)
    print(f"{name:<20} {passed} passed, {failed} failed, {time.monotonic() - began:.0f} s", flush=True)
    if failed:
        lines = path.read_text(errors="replace").splitlines()
        print("\n".join(line for line in lines if line.startswith(("E  ", "FAILED", "ERROR"))), f"\nall of it: {path}", flush=True)
    return not failed and status == 0


def main():
    names = sys.argv[1:] or list(ROWS)
    unknown = [name for name in names if name not in ROWS]
    if unknown:
        sys.exit(f"no such environment: {' '.join(unknown)}; there are: {' '.join(ROWS)}")
    launch.own_mounts()
    podman.CACHE.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(podman.CACHE / "controls", ignore_errors=True)  # of an earlier run
    (podman.CACHE / "controls").mkdir()
    builder = Builder(names)
    builder.start()
    well = [run(name) for name in names if name not in LAST]
    builder.join()
    if builder.error:
        print(f"cannot be built: {builder.error}\n{getattr(builder.error, 'stderr', None) or ''}")
        well.append(False)
    elif set(LAST) & set(names):
        print(f"image and virtual machine were built in {builder.seconds:.0f} s", flush=True)
        well += [run(name) for name in names if name in LAST]
    shutil.rmtree(podman.CACHE / "podman" / "tmp", ignore_errors=True)
    return 0 if all(well) else 1


if __name__ == "__main__":
    sys.exit(main())
