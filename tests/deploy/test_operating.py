"""docs/operating.md names only what there is."""
import re
import subprocess

import pytest
import yaml

from support.server import BINARY, TOP

pytestmark = pytest.mark.mode_independent

TEXT = (TOP / "docs" / "operating.md").read_text()


def test_its_options_are_the_programs():
    said = subprocess.run([BINARY, "--help"], capture_output=True, text=True, timeout=10, check=True).stdout
    others = {"--at-once"}  # of bench/size.py
    assert set(re.findall(r"(--[a-z][a-z-]+)", TEXT)) - others <= set(re.findall(r"`(--[a-z-]+)`", said))


def test_its_metrics_are_the_services(service):
    service.execute("def main():\n    return 1\n")
    have = service.client.get("/metrics").body.decode()
    named = set(re.findall(r"\bcode_runner_\w+", TEXT))
    assert named and [name for name in named if f"\n{name}" not in have] == []


def test_its_links_lead_somewhere():
    links = re.findall(r"\]\(([^)#]*)(#[^)]*)?\)", TEXT)
    assert links
    for path, heading in links:
        target = TOP / "docs" / path
        assert target.exists(), path
        if heading:
            headings = re.findall(r"^#+ (.*)$", target.read_text(), re.M)
            assert heading[1:] in [re.sub(r"[^\w -]", "", name.lower()).replace(" ", "-") for name in headings], heading


def test_its_alerts_are_all_of_them():
    rules = yaml.safe_load((TOP / "deploy" / "prometheus" / "alerts.yaml").read_text())["groups"][0]["rules"]
    assert re.findall(r"^\| `(CodeRunner\w+)`", TEXT, re.M) == [rule["alert"] for rule in rules]


def test_its_queries_are_queries(tmp_path):
    lines = [line for block in re.findall(r"^```promql\n(.*?)^```", TEXT, re.M | re.S) for line in block.splitlines() if "rate(" in line]
    assert len(lines) == 3
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "g", "rules": [{"record": "r", "expr": line} for line in lines]}]}))
    subprocess.run(["promtool", "check", "rules", str(path)], check=True, timeout=20)
