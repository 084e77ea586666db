"""Every containment case names the layers that stop it; and what lies beside the service."""
import os
import pathlib
import uuid

import pytest


def pytest_collection_modifyitems(items):
    here = pathlib.Path(__file__).parent
    nameless = [item.nodeid for item in items
                if here in item.path.parents and not item.get_closest_marker("stopped_by")]
    if nameless:
        raise pytest.UsageError("cases that name no layer: " + ", ".join(nameless))


@pytest.fixture(scope="session")
def beside(service):
    """beside(path): where a test finds the file that the service, not a script, has at path. Another
    root than this machine's is found by way of the service's process, or given by CODE_RUNNER_ROOT."""
    root = os.environ.get("CODE_RUNNER_ROOT") or f"/proc/{service.server_pid()}/root"
    return lambda path: pathlib.Path(root) / str(path).lstrip("/")


@pytest.fixture(scope="module")
def secrets(beside):
    """Files beside the service that a script has no business with: (paths, content)."""
    token = uuid.uuid4().hex
    modes = {"/root": 0o600, "/var/tmp": 0o644, "/tmp": 0o644, "/var/lib": 0o644, "/etc": 0o644, "/run": 0o644,
             "/home": 0o644, "/srv": 0o644}
    paths = {f"{folder}/cr-test-{token}": mode for folder, mode in modes.items()}
    for path, mode in paths.items():
        beside(path).write_text(token)
        beside(path).chmod(mode)
    yield list(paths), token
    for path in paths:
        beside(path).unlink()
