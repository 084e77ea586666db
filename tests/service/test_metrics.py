"""GET /metrics: what promtool accepts, numbers that add up, an answer under any load."""
import os
import re
import signal
import subprocess
import threading

import pytest

from support import procs
from support.client import Client, execute_bytes, head
from support.scripts import PLAIN, SLEEPS
from support.server import TOP

pytestmark = pytest.mark.mode_independent

NAMES = """code_runner_http_requests_total code_runner_runs_total code_runner_queue_seconds code_runner_run_seconds
code_runner_request_seconds code_runner_worker_start_seconds code_runner_run_peak_memory_bytes code_runner_running code_runner_queued
code_runner_slots code_runner_pool_ready code_runner_saturation_ratio code_runner_connections
code_runner_connections_refused_total code_runner_connections_cut_total code_runner_zygote_restarts_total
code_runner_zygote_renewals_total code_runner_log_lines_dropped_total code_runner_layer_info code_runner_build_info
process_start_time_seconds process_resident_memory_bytes process_open_fds process_cpu_seconds_total""".split()


def read(server):
    """{sample with its labels: value}"""
    answer = server.client.get("/metrics")
    assert answer.status == 200
    lines = [line for line in answer.body.decode().splitlines() if not line.startswith("#")]
    samples = dict(line.rsplit(" ", 1) for line in lines)
    assert len(samples) == len(lines), "a sample twice"
    return {name: float(value) for name, value in samples.items()}


def grown(before, after):
    """What counts, without what is only so at the moment or hangs on time."""
    names = ("_total", "_count")
    return {name: after[name] - before.get(name, 0) for name in after
            if name.split("{")[0].endswith(names) and not name.startswith(("process_", "code_runner_worker_start"))
            and after[name] != before.get(name, 0)}


def test_promtool_finds_nothing_to_say(service):
    service.execute(PLAIN)
    answer = service.client.get("/metrics")
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    checked = subprocess.run(["promtool", "check", "metrics"], input=answer.body, capture_output=True, timeout=30, check=False)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")
    families = re.findall(r"^# TYPE (\S+) ", answer.body.decode(), re.M)
    assert sorted(families) == sorted(NAMES)


def test_the_readme_has_them_all():
    table = (TOP / "README.md").read_text().split("## Metrics\n")[1].split("\n## ")[0]
    rows = "".join(line.split("|")[1] for line in table.splitlines() if line.startswith("| `"))
    assert sorted(re.findall(r"`(\w+)", rows)) == sorted(NAMES)


def test_promtool_would_find_something():
    checked = subprocess.run(["promtool", "check", "metrics"], input=b"# TYPE a counter\na 1\n", capture_output=True, timeout=30, check=False)
    assert checked.returncode != 0


def test_counts_after_known_requests_add_up(start_server):
    server = start_server("--slots=2")
    before = read(server)
    for _ in range(3):
        assert server.execute(PLAIN).status == 200
    assert server.execute("def main():\n    1/0\n").outcome == "exception"
    assert server.execute("x = 1\n").outcome == "no_main"
    assert server.execute(SLEEPS, timeout_seconds=1).outcome == "timeout"
    assert server.client.post(b"{}").status == 400
    for path in ("/health", "/health", "/ready", "/nope", "/execute"):
        server.client.get(path)
    server.client.request("HEAD", "/metrics")
    with server.raw() as gone:
        gone.send(execute_bytes(SLEEPS))
        procs.poll(lambda: read(server)["code_runner_running"] == 1, 3, "it runs")
    asked = 'code_runner_http_requests_total{code="200",target="metrics"}'
    procs.poll(lambda: read(server).get('code_runner_runs_total{outcome="cancelled"}') == 1, 3, "it is cancelled")
    after = read(server)
    found = grown(before, after)
    assert found.pop(asked) >= 4  # the first, HEAD, and as often as was polled
    peaks = found.pop("code_runner_run_peak_memory_bytes_count", 0)
    assert peaks <= 6
    assert found == {
        'code_runner_http_requests_total{code="200",target="execute"}': 3,
        'code_runner_http_requests_total{code="400",target="execute"}': 4,
        'code_runner_http_requests_total{code="405",target="execute"}': 1,
        'code_runner_http_requests_total{code="499",target="execute"}': 1,
        'code_runner_http_requests_total{code="200",target="health"}': 2,
        'code_runner_http_requests_total{code="200",target="ready"}': 1,
        'code_runner_http_requests_total{code="404",target="other"}': 1,
        'code_runner_runs_total{outcome="success"}': 3,
        'code_runner_runs_total{outcome="exception"}': 1,
        'code_runner_runs_total{outcome="no_main"}': 1,
        'code_runner_runs_total{outcome="timeout"}': 1,
        'code_runner_runs_total{outcome="cancelled"}': 1,
        "code_runner_queue_seconds_count": 6,
        "code_runner_run_seconds_count": 6,
        "code_runner_request_seconds_count": 9,
    }
    assert 1 < after["code_runner_run_seconds_sum"] - before["code_runner_run_seconds_sum"] < 60
    assert after["code_runner_worker_start_seconds_count"] >= 7
    if "cgroup" in server.layers:
        assert peaks == 6


def test_no_client_chooses_a_label(service):
    """Whatever is asked for is one of five targets, and no sample is new for a new path or method."""
    token = "zkwq"
    for number in range(20):
        service.client.get(f"/{token}{number}")
    with service.raw() as raw:
        raw.send(head(f"X{token.upper()}", f'/{token}"}}', X_Request_Id=token))
        raw.read_answer()
    text = service.client.get("/metrics").body.decode()
    assert token not in text.lower()
    assert set(re.findall(r'target="([^"]*)"', text)) <= {"execute", "health", "ready", "metrics", "mcp", "openapi", "page", "other"}


def test_the_process_and_what_is_so_now(service):
    service.execute(PLAIN)
    pid = service.server_pid()
    # Those of workers that are made meanwhile come and go.
    procs.poll(lambda: abs(read(service)["process_open_fds"] - procs.count_descriptors(pid)) <= 3, 5, "they are as many as there are")
    samples = read(service)
    resident = int(procs.status(pid)["VmRSS"].split()[0]) * 1024
    assert samples["process_resident_memory_bytes"] == pytest.approx(resident, rel=0.3)
    assert 0 < samples["process_cpu_seconds_total"] < 600
    assert samples["code_runner_slots"] == 4
    assert samples["code_runner_connections"] >= 1
    assert {name for name in samples if name.startswith("code_runner_layer_info")} == {
        f'code_runner_layer_info{{layer="{layer}"}}' for layer in service.layers}


def test_answers_while_saturated(start_server):
    server = start_server("--slots=1", "--queue=2")
    raws = [server.raw() for _ in range(3)]
    for raw in raws:
        raw.send(execute_bytes(SLEEPS))
    samples = procs.poll(lambda: (s := read(server))["code_runner_queued"] == 2 and s, 3, "one runs, two wait")
    assert samples["code_runner_running"] == 1
    assert samples["code_runner_saturation_ratio"] == 3
    assert server.execute(PLAIN).status == 503
    answer = server.client.get("/metrics")
    assert answer.seconds < 10
    assert read(server)['code_runner_runs_total{outcome="overloaded"}'] == 1
    for raw in raws:
        raw.close()
    samples = procs.poll(lambda: (s := read(server))["code_runner_saturation_ratio"] == 0 and s, 5, "all were cancelled")
    assert samples['code_runner_runs_total{outcome="cancelled"}'] == 3


def test_draining_service_still_answers(start_server):
    server = start_server("--slots=1", "--grace-seconds=20")
    with server.raw() as raw:
        raw.send(execute_bytes(SLEEPS))
        procs.poll(lambda: read(server)["code_runner_running"] == 1, 3, "it runs")
        server.process.send_signal(signal.SIGTERM)
        procs.poll(lambda: server.client.get("/health").status == 503, 2, "draining")
        assert read(server)["code_runner_running"] == 1
    server.client.close()
    assert server.process.wait(15) == 0


@pytest.mark.plain_memory
def test_a_zygote_that_died_and_one_that_was_replaced(start_server):
    server = start_server("--slots=1", "--renew-runs=3", "--start=warm")
    assert read(server)["code_runner_zygote_renewals_total"] == 0
    def runs_until_replaced():
        server.execute(PLAIN)
        return read(server)["code_runner_zygote_renewals_total"] >= 1
    procs.poll(runs_until_replaced, 10, "it was replaced")
    assert read(server)["code_runner_zygote_restarts_total"] == 0
    second = start_server("--slots=1")
    os.kill(second.zygote_pid(), signal.SIGKILL)
    procs.poll(lambda: read(second)["code_runner_zygote_restarts_total"] == 1, 3, "it is missed")
    assert not [name for name in read(second) if "layer_info" in name] or second.client.get("/ready").status == 200
    procs.poll(second.is_ready, 8, "ready again")
    samples = read(second)
    assert (samples["code_runner_zygote_restarts_total"], samples["code_runner_zygote_renewals_total"]) == (1, 0)


def test_many_at_once_agree(service):
    """Counts of parallel requests: none lost, none twice."""
    before = read(service)
    def work():
        client = Client(service.port)
        for _ in range(10):
            assert client.execute(PLAIN).status == 200
        client.close()
    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    found = procs.poll(lambda: (g := grown(before, read(service))).get("code_runner_request_seconds_count") == 40 and g, 3, "all told")
    assert found['code_runner_http_requests_total{code="200",target="execute"}'] == 40
    assert found['code_runner_runs_total{outcome="success"}'] == found["code_runner_run_seconds_count"] == 40
