"""deploy/kubernetes and deploy/cloudrun: what they say agrees with the program, with itself and with the names that the
APIs have. No cluster is asked."""
import os
import re
import signal
import subprocess

import pytest
import yaml

from support import procs
from support.client import Client
from support.server import BINARY, TOP

pytestmark = pytest.mark.mode_independent

KUBERNETES = TOP / "deploy" / "kubernetes"
# What a namespaced object may have of the fields that are used here. Only leaves and lists of words are not looked into.
METADATA = {"name": ..., "labels": ..., "annotations": ...}
SELECTOR = {"matchLabels": ...}
PROBE = {"httpGet": {"path": ..., "port": ...}, "periodSeconds": ..., "timeoutSeconds": ..., "failureThreshold": ...}
CONTAINER = {
    "name": ..., "image": ..., "args": ..., "env": [{"name": ..., "value": ...}], "ports": [{"name": ..., "containerPort": ...}],
    "securityContext": {"allowPrivilegeEscalation": ..., "readOnlyRootFilesystem": ..., "capabilities": {"drop": ...}},
    "resources": {"requests": {"cpu": ..., "memory": ...}, "limits": {"cpu": ..., "memory": ...}},
    "startupProbe": PROBE, "readinessProbe": PROBE, "livenessProbe": PROBE, "lifecycle": {"preStop": {"exec": {"command": ...}}},
}
POD = {
    "automountServiceAccountToken": ..., "enableServiceLinks": ..., "terminationGracePeriodSeconds": ..., "containers": [CONTAINER],
    "securityContext": {"runAsNonRoot": ..., "runAsUser": ..., "runAsGroup": ..., "seccompProfile": {"type": ..., "localhostProfile": ...}},
    "topologySpreadConstraints": [{"maxSkew": ..., "topologyKey": ..., "whenUnsatisfiable": ..., "labelSelector": SELECTOR}],
}
SCALING = {"stabilizationWindowSeconds": ..., "policies": [{"type": ..., "value": ..., "periodSeconds": ...}]}
FIELDS = {
    ("v1", "Pod"): POD,
    ("apps/v1", "Deployment"): {
        "selector": SELECTOR, "strategy": {"type": ..., "rollingUpdate": {"maxSurge": ..., "maxUnavailable": ...}},
        "template": {"metadata": METADATA, "spec": POD}},
    ("v1", "Service"): {"selector": ..., "ports": [{"name": ..., "port": ..., "targetPort": ...}]},
    ("autoscaling/v2", "HorizontalPodAutoscaler"): {
        "scaleTargetRef": {"apiVersion": ..., "kind": ..., "name": ...}, "minReplicas": ..., "maxReplicas": ...,
        "metrics": [{"type": ..., "pods": {"metric": {"name": ...}, "target": {"type": ..., "averageValue": ...}}}],
        "behavior": {"scaleUp": SCALING, "scaleDown": SCALING}},
    ("policy/v1", "PodDisruptionBudget"): {"maxUnavailable": ..., "selector": SELECTOR},
    ("networking.k8s.io/v1", "NetworkPolicy"): {
        "podSelector": SELECTOR, "policyTypes": ..., "ingress": [{"ports": [{"protocol": ..., "port": ...}]}], "egress": []},
    ("monitoring.coreos.com/v1", "PodMonitor"): {
        "selector": SELECTOR, "podMetricsEndpoints": [{"port": ..., "path": ..., "interval": ...}]},
    ("serving.knative.dev/v1", "Service"): {
        "template": {"metadata": METADATA, "spec": {"containerConcurrency": ..., "timeoutSeconds": ..., "containers": [CONTAINER]}}},
}


def load(path):
    return yaml.safe_load((TOP / "deploy" / path).read_text())


def strangers(value, fields, where):
    """Names in value that fields does not have."""
    if fields is ...:
        return []
    if isinstance(fields, list):
        assert isinstance(value, list), where
        return [found for at, one in enumerate(value) for found in strangers(one, fields[0], f"{where}[{at}]")]
    return [f"{where}.{name}" for name in value if name not in fields] + \
        [found for name in value if name in fields for found in strangers(value[name], fields[name], f"{where}.{name}")]


DEPLOYMENT, CLOUD_RUN = load("kubernetes/deployment.yaml"), load("cloudrun/service.yaml")
LAST_ANSWERS_SECONDS = 2  # after the grace time, at most: src/server.c, and what an exit takes
POD_SPEC, REVISION = DEPLOYMENT["spec"]["template"]["spec"], CLOUD_RUN["spec"]["template"]["spec"]
KUBERNETES_CONTAINER, CLOUD_RUN_CONTAINER = POD_SPEC["containers"][0], REVISION["containers"][0]


@pytest.fixture(scope="module")
def options():
    """{flag: (environment variable, default)} of code-runner --help."""
    said = subprocess.run([BINARY, "--help"], capture_output=True, text=True, timeout=10, check=True).stdout
    return {row[0]: row[1:] for row in re.findall(r"^\| `(--[a-z-]+)` \| `?(\w*)`? \| (.*?) \|", said, re.M)}


def given():
    return dict(word.split("=") for word in KUBERNETES_CONTAINER["args"])


def variables():
    return {row["name"]: row["value"] for row in CLOUD_RUN_CONTAINER["env"]}


MANIFESTS = sorted(path.relative_to(TOP / "deploy") for folder in ("kubernetes", "cloudrun") for path in (TOP / "deploy" / folder).iterdir()
                   if path.name not in ("kustomization.yaml", "prometheus-adapter.yaml"))


@pytest.mark.parametrize("path", MANIFESTS, ids=str)
def test_every_field_is_one_of_the_api(path):
    thing = load(path)
    fields = {"apiVersion": ..., "kind": ..., "metadata": METADATA, "spec": FIELDS[thing["apiVersion"], thing["kind"]]}
    assert strangers(thing, fields, str(path)) == []


def test_a_wrong_field_would_be_found():
    assert strangers({"spec": {"a": [{"b": 1, "x": 2}], "y": 3}}, {"spec": {"a": [{"b": ...}]}}, "") == [".spec.y", ".spec.a[0].x"]


def test_the_flags_and_variables_are_the_programs(options):
    assert set(given()) <= set(options)
    assert set(variables()) <= {environment for environment, _ in options.values()}


@pytest.mark.parametrize("arguments, environment", [(KUBERNETES_CONTAINER["args"], {}), ([], variables())], ids=["kubernetes", "cloudrun"])
def test_the_program_takes_them(arguments, environment):
    checked = subprocess.run([BINARY, *arguments, "--preload=none", "--check"], env={**os.environ, **environment}, capture_output=True, text=True,
                             timeout=30, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def mebibytes(quantity):
    return int(quantity[:-2]) * {"Mi": 1, "Gi": 1024}[quantity[-2:]]


@pytest.mark.parametrize("container, slots", [(KUBERNETES_CONTAINER, given()["--slots"]), (CLOUD_RUN_CONTAINER, variables()["CODE_RUNNER_SLOTS"])],
                         ids=["kubernetes", "cloudrun"])
def test_memory_is_enough_for_the_worst(options, container, slots):
    """The sum of docs/security.md, with the room that it asks for."""
    memory, scratch = int(options["--memory-mb"][1]), int(options["--scratch-mb"][1])
    limit = mebibytes(container["resources"]["limits"]["memory"])
    worst = 267 + 368 + int(slots) * (memory + scratch) + memory + 256 + min(limit // 12, 160) + min(limit // 10, 256)
    assert worst <= limit < 2 * worst


def test_times_of_kubernetes_agree(options):
    pause = int(KUBERNETES_CONTAINER["lifecycle"]["preStop"]["exec"]["command"][1])
    grace = int(given()["--grace-seconds"])
    assert grace > int(options["--timeout-seconds"][1])
    assert POD_SPEC["terminationGracePeriodSeconds"] >= pause + grace + LAST_ANSWERS_SECONDS
    probe = KUBERNETES_CONTAINER["readinessProbe"]
    assert pause >= probe["periodSeconds"]


def test_times_and_numbers_of_cloud_run_agree(options):
    assert REVISION["timeoutSeconds"] > int(options["--queue-wait-seconds"][1]) + int(options["--timeout-seconds"][1])
    assert int(variables()["CODE_RUNNER_GRACE_SECONDS"]) + LAST_ANSWERS_SECONDS <= 10
    assert int(options["--grace-seconds"][1]) + LAST_ANSWERS_SECONDS <= 10  # the bare gcloud run deploy
    slots = int(variables()["CODE_RUNNER_SLOTS"])
    assert slots <= REVISION["containerConcurrency"] <= slots + int(options["--queue"][1])
    assert CLOUD_RUN["spec"]["template"]["metadata"]["annotations"]["run.googleapis.com/execution-environment"] == "gen2"


@pytest.mark.parametrize("container", [KUBERNETES_CONTAINER, CLOUD_RUN_CONTAINER], ids=["kubernetes", "cloudrun"])
def test_probes_ask_what_there_is(service, options, container):
    port = container["ports"][0]
    assert str(port["containerPort"]) == options["--port"][1]
    for name, path in (("startupProbe", "/ready"), ("readinessProbe", "/ready"), ("livenessProbe", "/health")):
        if name in container:
            probe = container[name]
            assert (probe["httpGet"]["path"], probe["httpGet"]["port"] in (port["name"], port["containerPort"])) == (path, True)
            assert probe["timeoutSeconds"] <= probe["periodSeconds"]
            assert service.client.get(path).status == 200
    assert container["startupProbe"]["periodSeconds"] * container["startupProbe"]["failureThreshold"] >= 60


def test_the_deployment_has_the_security_of_the_example_and_no_less():
    example = load("kubernetes/pod-security.yaml")["spec"]
    for name in ("automountServiceAccountToken", "enableServiceLinks", "securityContext"):
        assert POD_SPEC[name] == example[name]
    assert KUBERNETES_CONTAINER["securityContext"] == example["containers"][0]["securityContext"]
    assert set(example["containers"][0]["args"]) <= set(KUBERNETES_CONTAINER["args"])


def test_the_seccomp_profile_is_the_one_to_be_copied():
    name = POD_SPEC["securityContext"]["seccompProfile"]["localhostProfile"]
    needed = (KUBERNETES / "kustomization.yaml").read_text()
    assert f"/var/lib/kubelet/seccomp/{name}" in needed and "deploy/docker/seccomp.json" in needed
    assert (TOP / "deploy" / "docker" / "seccomp.json").exists()


def test_everything_means_the_same_pods():
    labels = DEPLOYMENT["spec"]["template"]["metadata"]["labels"]
    parts = {name: load(f"kubernetes/{name}.yaml")["spec"] for name in
             ("deployment", "service", "disruption-budget", "network-policy", "podmonitor", "autoscaler")}
    assert parts["service"]["selector"] == labels
    for name, field in (("deployment", "selector"), ("disruption-budget", "selector"), ("network-policy", "podSelector"), ("podmonitor", "selector")):
        assert parts[name][field]["matchLabels"] == labels, name
    assert parts["autoscaler"]["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": DEPLOYMENT["metadata"]["name"]}
    assert "replicas" not in DEPLOYMENT["spec"], "the autoscaler's number would be overwritten"
    assert parts["disruption-budget"]["maxUnavailable"] < parts["autoscaler"]["minReplicas"]


def test_ports_are_the_same():
    port = KUBERNETES_CONTAINER["ports"][0]
    assert load("kubernetes/service.yaml")["spec"]["ports"][0]["targetPort"] == port["name"]
    assert load("kubernetes/podmonitor.yaml")["spec"]["podMetricsEndpoints"][0]["port"] == port["name"]
    policy = load("kubernetes/network-policy.yaml")["spec"]
    assert policy["ingress"][0]["ports"][0]["port"] == port["containerPort"]
    assert policy["egress"] == [] and "Egress" in policy["policyTypes"]
    annotations = DEPLOYMENT["spec"]["template"]["metadata"]["annotations"]
    assert annotations["prometheus.io/port"] == str(port["containerPort"])


def test_the_autoscaler_asks_for_a_metric_that_there_is(service, tmp_path):
    wanted = load("kubernetes/autoscaler.yaml")["spec"]["metrics"][0]["pods"]["metric"]["name"]
    rule = load("kubernetes/prometheus-adapter.yaml")["rules"]["custom"][0]
    assert rule["name"]["as"] == wanted and re.match(rule["name"]["matches"], wanted)
    assert f"\n{wanted} " in service.client.get("/metrics").body.decode()
    query = rule["metricsQuery"]
    for gap, text in (("<<.Series>>", wanted), ("<<.LabelMatchers>>", 'namespace="n",pod=~"a|b"'), ("<<.GroupBy>>", "pod")):
        assert gap in query
        query = query.replace(gap, text)
    for expression in (query, rule["seriesQuery"]):
        path = tmp_path / "rules.yaml"
        path.write_text(yaml.safe_dump({"groups": [{"name": "g", "rules": [{"record": "r", "expr": expression}]}]}))
        subprocess.run(["promtool", "check", "rules", str(path)], check=True, timeout=20)


def test_kustomization_names_what_there_is():
    listed = load("kubernetes/kustomization.yaml")
    assert all((KUBERNETES / name).exists() for name in listed["resources"])
    assert {path.name for path in KUBERNETES.iterdir()} - set(listed["resources"]) == \
        {"kustomization.yaml", "pod-security.yaml", "podmonitor.yaml", "prometheus-adapter.yaml"}
    assert listed["images"][0]["name"] == KUBERNETES_CONTAINER["image"]


def test_a_script_that_runs_when_the_end_begins_is_answered(start_server):
    """With the flags of the Deployment: what its grace is for. The script runs until its child is ended here."""
    server = start_server(*(word for word in KUBERNETES_CONTAINER["args"]))
    raw = server.raw()
    body = b'{"script": "import subprocess\\ndef main():\\n    subprocess.run([\\"sleep\\", \\"28.7\\"])\\n    return 7"}'
    raw.send(b"POST /execute HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    child, = procs.poll(lambda: set(procs.with_argument("28.7")) & set(procs.descendants(server.pid)), 5, "it runs")
    server.process.terminate()
    procs.poll(lambda: Client(server.port).get("/ready").status == 503, 3, "nothing new is wanted")
    os.kill(child, signal.SIGKILL)
    assert raw.read_answer().json["result"] == 7
    assert server.process.wait(10) == 0
