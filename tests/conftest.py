"""Fixtures of the service and containment tests: one server for all, more for other flags.

`make service` runs the suite twice: as it is, which starts every server with warm workers, and with
CODE_RUNNER_FLAGS=--start=cold. The second time leaves out what is marked mode_independent: HTTP and the
queue, the harness without a server, the system call filter alone, and tests that choose the mode
themselves. A test that runs scripts is not marked, unless scripts are only its tool.

Loading all libraries takes seconds: a server of a test's own loads none of them ahead, unless the test
asks for it with libraries=True. Scripts can import them all the same.
"""
import pytest

from support.server import ENVIRONMENT, Server

collect_ignore = ["test_service.py"]  # a program, see there
if not ENVIRONMENT:
    collect_ignore.append("environments")

STARTED = []  # every server of this session, for the report of a failure


@pytest.fixture(scope="session")
def logs(tmp_path_factory):
    return tmp_path_factory.mktemp("logs")


@pytest.fixture(scope="session")
def start_server(logs):
    """start_server(*flags, libraries=False, environment=None, wrapper=(), kept=False): a server that lives until
    the tests of a file end, or with kept until all do, or is stopped before."""
    def start(*flags, libraries=False, environment=None, wrapper=(), kept=False):
        flags = flags if libraries else ("--preload=none", *flags)
        server = Server(logs / f"server-{len(STARTED)}.log", *flags, environment=environment, wrapper=wrapper)
        server.kept = kept
        STARTED.append(server)
        return server

    yield start
    stop_all(STARTED)


def stop_all(servers):
    failures = []
    for server in servers:
        try:
            server.stop()
        except Exception as error:  # stop the others too
            failures.append(f"{' '.join(server.process.args)}: {error!r}")
    assert not failures, failures


@pytest.fixture(scope="module", autouse=True)
def stop_what_a_file_started():
    """Dozens of idle services, each with workers that wait, make the machine slow for the one that is tested."""
    yield
    stop_all([server for server in STARTED if not server.kept])


@pytest.fixture(scope="session")
def service(start_server):
    """The server that most tests share: four scripts at once, limits as they come."""
    return start_server("--slots=4", "--queue=16", libraries=True, kept=True)


@pytest.fixture(scope="session")
def hasty(start_server):
    """A server whose scripts have one second."""
    return start_server("--slots=2", "--timeout-seconds=1", kept=True)


@pytest.fixture(scope="session")
def narrow(start_server):
    """One script at a time, one waiting."""
    return start_server("--slots=1", "--queue=1", "--queue-wait-seconds=20", kept=True)


@pytest.fixture(scope="session")
def cold(start_server):
    """A server whose workers are a fresh python3 each, for comparison."""
    return start_server("--slots=2", "--start=cold", kept=True)


@pytest.fixture(scope="session")
def no_snapshot(start_server):
    """A server whose loaded interpreter is forked as it is."""
    return start_server("--slots=2", "--start=warm", "--snapshot=off", libraries=True, kept=True)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    report = (yield).get_result()
    if report.failed:
        for server in STARTED:
            report.sections.append((f"log of {' '.join(server.process.args)}", server.log()[-3000:]))
