"""Every containment case names the layers that stop it; and what lies beside the service."""
import pathlib
import uuid

import pytest

from environments.expectations import NOT_HERE
from support.server import ENVIRONMENT


def pytest_collection_modifyitems(config, items):
    apart = [item for item in items if item.originalname in NOT_HERE.get(ENVIRONMENT, ())]
    config.hook.pytest_deselected(items=apart)
    items[:] = [item for item in items if item not in apart]
    here = pathlib.Path(__file__).parent
    nameless = [item.nodeid for item in items
                if here in item.path.parents and not item.get_closest_marker("stopped_by")]
    if nameless:
        raise pytest.UsageError("cases that name no layer: " + ", ".join(nameless))


@pytest.fixture(scope="module")
def secrets(service):
    """Files beside the service that a script has no business with: (paths, content)."""
    token = uuid.uuid4().hex
    modes = {"/root": 0o600, "/var/tmp": 0o644, "/tmp": 0o644, "/var/lib": 0o644, "/etc": 0o644, "/run": 0o644,
             "/home": 0o644, "/srv": 0o644}
    paths = {f"{folder}/cr-test-{token}": mode for folder, mode in modes.items()}
    for path, mode in paths.items():
        service.place.plant(path, token, mode)
    yield list(paths), token
    for path in paths:
        service.place.remove(path)
