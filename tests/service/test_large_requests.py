"""Requests with all the files and input that are allowed, many at once."""
import base64
import concurrent.futures

import pytest

from support import procs
from support.client import Client


@pytest.mark.plain_memory
def test_many_large_requests_at_once(start_server):
    """Some may be told to come again; the server's memory stays in bounds, and short ones go through."""
    server = start_server("--slots=2", "--queue=64", "--queue-wait-seconds=60", "--body-seconds=300")
    data = base64.b64encode(bytes(10 << 20)).decode()
    script = "import os\ndef main(): return os.path.getsize('a')\n"

    def large(_):
        return Client(server.port, timeout=120).execute(script, files={"a": data}, stdin="x" * (5 << 20), return_files=["a"])

    def peak_mb():
        text = open(f"/proc/{server.server_pid()}/status").read()
        return int(text.split("VmHWM:")[1].split()[0]) / 1024

    with concurrent.futures.ThreadPoolExecutor(20) as threads:
        running = [threads.submit(large, n) for n in range(20)]
        small = [server.execute("def main(): return 1").status for _ in range(10)]
        answers = [each.result() for each in running]
    assert {answer.status for answer in answers} <= {200, 503}
    assert all(answer.headers["Retry-After"] for answer in answers if answer.status == 503)
    assert any(answer.status == 200 and answer.json["result"] == 10 << 20 for answer in answers)
    assert set(small) == {200}
    print(sorted(answer.status for answer in answers), peak_mb())
    assert peak_mb() < 350
    procs.poll(lambda: server.execute(script, files={"a": "QQ=="}).status == 200, 5, "requests go through again")
