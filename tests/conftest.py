"""Fixtures of the service and containment tests: one server for all, more for other flags."""
import pytest

from support.server import Server

collect_ignore = ["test_service.py"]  # a program, see there

STARTED = []  # every server of this session, for the report of a failure


@pytest.fixture(scope="session")
def logs(tmp_path_factory):
    return tmp_path_factory.mktemp("logs")


@pytest.fixture(scope="session")
def start_server(logs):
    """start_server(*flags, environment=None): a server that lives until the session ends."""
    def start(*flags, environment=None):
        server = Server(logs / f"server-{len(STARTED)}.log", *flags, environment=environment)
        STARTED.append(server)
        return server

    yield start
    failures = []
    for server in STARTED:
        try:
            server.stop()
        except Exception as error:  # stop the others too
            failures.append(f"{' '.join(server.process.args)}: {error!r}")
    assert not failures, failures


@pytest.fixture(scope="session")
def service(start_server):
    """The server that most tests share: four scripts at once, limits as they come."""
    return start_server("--slots=4", "--queue=16")


@pytest.fixture(scope="session")
def hasty(start_server):
    """A server whose scripts have one second."""
    return start_server("--slots=2", "--timeout-seconds=1")


@pytest.fixture(scope="session")
def narrow(start_server):
    """One script at a time, one waiting."""
    return start_server("--slots=1", "--queue=1", "--queue-wait-seconds=20")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    report = (yield).get_result()
    if report.failed:
        for server in STARTED:
            report.sections.append((f"log of {' '.join(server.process.args)}", server.log()[-3000:]))
