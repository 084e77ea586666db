"""What the service says of the environment that it runs in, and that it does run there. Only with
CODE_RUNNER_ENVIRONMENT; the containment suite runs beside this."""
import pytest

from expectations import LAYERS, SCRATCH, WRITABLE
from support.server import ENVIRONMENT

# Part of every plan, and not listed by it.
EVERYWHERE = {"rlimits", "server"}


def test_layers(service):
    assert service.layers == LAYERS[ENVIRONMENT]


def test_a_layer_that_is_here_stops_each_case(service, request):
    held = service.layers | EVERYWHERE
    marks = {item.nodeid: item.get_closest_marker("stopped_by") for item in request.session.items}
    assert not [case for case, mark in marks.items() if mark and not held & set(mark.args)]


def test_a_script_runs(service):
    answer = service.execute("import numpy as np\ndef main():\n    print('hello')\n    return int(np.arange(5).sum())\n")
    assert answer.status == 200, answer
    assert answer.json == {"result": 10, "stdout": "hello\n"}


@pytest.mark.parametrize("folder", SCRATCH)
def test_scratch_folder(service, folder):
    """A literal /tmp/x works, unless the environment cannot give scripts a /tmp of their own; then it is refused."""
    answer = service.execute(f"def main():\n    open('{folder}/x', 'w').write('x')\n    return open('{folder}/x').read()\n")
    if folder in WRITABLE.get(ENVIRONMENT, SCRATCH):
        assert answer.json == {"result": "x", "stdout": ""}
    else:
        assert answer.json["error"].startswith(("PermissionError: [Errno 13]", "OSError: [Errno 30]")), answer


def test_required_layers_that_hold_do_not_stop_the_start(start_server):
    required = sorted(LAYERS[ENVIRONMENT])
    assert start_server("--slots=1", f"--require={','.join(required)}").layers == LAYERS[ENVIRONMENT]


@pytest.mark.parametrize("layer", sorted(set().union(*LAYERS.values()) - LAYERS.get(ENVIRONMENT, set())))
def test_a_required_layer_that_is_missing_stops_the_start(start_server, layer):
    with pytest.raises(AssertionError, match=f"--require: the layer {layer} does not hold here"):
        start_server("--slots=1", f"--require={layer}")
