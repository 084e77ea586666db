"""Fixtures that several files of this folder share.

The one test that must wait 30 s starts when the session starts and is asked when it ends.
"""
import threading

import pytest

from support.access import new_token
from support.client import Client

WAITS_LONG = "test_thirty_seconds"


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.name == WAITS_LONG)  # stable: only that one moves, to the end


@pytest.fixture(scope="session", autouse=True)
def thirty_seconds(request, start_server):
    """thirty_seconds(): the answer to a script that never ends, on a server of its own."""
    found = []
    if any(item.name == WAITS_LONG for item in request.session.items):
        client = Client(start_server("--slots=1", kept=True).port)
        script = "def main():\n    print('before')\n    __import__('time').sleep(99)\n"
        thread = threading.Thread(target=lambda: found.append(client.execute(script)))
        thread.start()
    else:
        thread = None

    def wait():
        thread.join(60)
        return found[0]

    yield wait
    if thread is not None:
        thread.join(60)


@pytest.fixture(scope="session")
def no_pool(start_server):
    """A server whose workers are all made on demand. Kept: none waits, and it loads all libraries."""
    return start_server("--slots=2", "--pool=0", "--start=warm", libraries=True, kept=True)


@pytest.fixture(scope="session")
def mode(service, cold, no_pool, no_snapshot):
    """mode(name): the server whose workers start so, see support/modes.py."""
    return {"cold": cold, "warm": service, "no_pool": no_pool, "no_snapshot": no_snapshot}.get


@pytest.fixture(scope="module")
def token_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("tokens") / "tokens"
    path.write_text(f"# two, for rotation\n{new_token()}\n\n{new_token()}\n")
    path.chmod(0o600)
    return path


@pytest.fixture(scope="module")
def guarded(start_server, token_file):
    """A server that wants one of the tokens in the file."""
    return start_server("--slots=1", f"--token-file={token_file}")
