"""deploy/prometheus/alerts.yaml: each rule fires when it should and not else, by promtool; the service has the metrics it names."""
import re
import subprocess

import pytest
import yaml

from support.server import TOP

pytestmark = pytest.mark.mode_independent

RULES = TOP / "deploy" / "prometheus" / "alerts.yaml"
ONE, TWO = 'job="j",instance="a"', 'job="j",instance="b"'
BUILDS = [(f"code_runner_build_info{{{labels}}}", "1x60") for labels in (ONE, TWO)]
EXECUTE = 'code_runner_http_requests_total{%s,target="execute",code="%s"}'
RUNS = 'code_runner_runs_total{%s,outcome="%s"}'
MCP = EXECUTE.replace("execute", "mcp")

# alert: (series with which it is quiet, series with which it fires), all of an hour, a sample a minute
CASES = {
    "CodeRunnerSaturated": ([("code_runner_saturation_ratio{%s}" % ONE, "0.9x60"), ("code_runner_saturation_ratio{%s}" % TWO, "1x60")],
                            [("code_runner_saturation_ratio{%s}" % ONE, "0.9x60"), ("code_runner_saturation_ratio{%s}" % TWO, "1.2x60")]),
    "CodeRunnerRefuses": ([(EXECUTE % (ONE, 200), "0+200x60"), (EXECUTE % (TWO, 503), "0+1x60")],
                          [(EXECUTE % (ONE, 200), "0+200x60"), (EXECUTE % (TWO, 503), "0+2x60"), (MCP % (TWO, 503), "0+2x60")]),
    "CodeRunnerInternalErrors": ([(RUNS % (ONE, "internal"), "7x60"), (RUNS % (ONE, "exception"), "0+9x60")], [(RUNS % (ONE, "internal"), "7x58 8x2")]),
    "CodeRunnerZygoteRestarts": ([("code_runner_zygote_restarts_total{%s}" % ONE, "0x50 1x10")],
                                 [("code_runner_zygote_restarts_total{%s}" % ONE, "0x50 1x2 2x2 3x2 4x4")]),
    "CodeRunnerServerRestarts": ([*BUILDS, ("process_start_time_seconds{%s}" % ONE, "5x50 9x10"),
                                  ('process_start_time_seconds{job="other",instance="c"}', "0+1x60")],
                                 [*BUILDS, ("process_start_time_seconds{%s}" % ONE, "5x50 6x2 7x2 8x4")]),
    "CodeRunnerLayersDiffer": ([*BUILDS, *((f'code_runner_layer_info{{{labels},layer="cgroup"}}', "1x60") for labels in (ONE, TWO))],
                               [*BUILDS, (f'code_runner_layer_info{{{ONE},layer="cgroup"}}', "1x60")]),
    "CodeRunnerWaitsLong": ([('code_runner_queue_seconds_bucket{%s,le="%s"}' % (ONE, le), "0+%dx60" % n)
                             for le, n in (("0.5", 99), ("1", 99), ("2.5", 100), ("+Inf", 100))],
                            [('code_runner_queue_seconds_bucket{%s,le="%s"}' % (ONE, le), "0+%dx60" % n)
                             for le, n in (("0.5", 90), ("1", 91), ("2.5", 100), ("+Inf", 100))]),
    "CodeRunnerLogLinesDropped": ([("code_runner_log_lines_dropped_total{%s}" % ONE, "4x60")],
                                  [("code_runner_log_lines_dropped_total{%s}" % ONE, "4x55 5x5")]),
}


def rules():
    return yaml.safe_load(RULES.read_text())["groups"][0]["rules"]


def test_every_rule_has_a_case():
    assert sorted(rule["alert"] for rule in rules()) == sorted(CASES)


def promtool_says(folder, alert, series, labels):
    """What promtool says of: with these series, at the hour's end, alert is firing for these labels."""
    test = {"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": [
        {"interval": "1m", "input_series": [{"series": name, "values": values} for name, values in series],
         "promql_expr_test": [{"expr": f'count(ALERTS{{alertname="{alert}",alertstate="firing"}}) or vector(0)', "eval_time": "59m",
                               "exp_samples": [{"labels": "{}", "value": labels}]}]}]}
    path = folder / "test.yaml"
    path.write_text(yaml.safe_dump(test))
    return subprocess.run(["promtool", "test", "rules", str(path)], capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.parametrize("alert", CASES)
def test_it_fires_when_it_should_and_not_else(tmp_path, alert):
    quiet, loud = CASES[alert]
    for series, count in ((quiet, 0), (loud, 1)):
        said = promtool_says(tmp_path, alert, series, count)
        assert said.returncode == 0, said.stdout + said.stderr


def test_the_service_has_what_they_ask_for(service):
    service.execute("def main():\n    return 1\n")
    body = service.client.get("/metrics").body.decode()
    have = set(re.findall(r"^(\w+)[{ ]", body, re.M))
    asked = {name for rule in rules() for name in re.findall(r"\b(?:code_runner|process)_\w+", rule["expr"])}
    assert asked and asked <= have, asked - have
    assert re.search(r'code_runner_http_requests_total\{code="200",target="execute"\} [1-9]', body)
