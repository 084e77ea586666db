#!/usr/bin/python3
"""Prints one line for each case of the containment suite: the layers that stop it, and its name.
With --count: one line for each layer, and how many cases name it. With --environment NAME: the layers that stop
it there, where a layer that the environment lacks is left out."""
import collections
import os
import pathlib
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
sys.dont_write_bytecode = True
from attempts import LAYERS  # noqa: E402
from environments import expectations  # noqa: E402


class Collector:
    def pytest_collection_finish(self, session):
        self.cases = [(item.get_closest_marker("stopped_by").args, item.nodeid) for item in session.items]


def here():
    """The layers that hold: in the environment that was named, or all."""
    if "--environment" not in sys.argv:
        return set(LAYERS)
    name = sys.argv[-1]
    if name not in expectations.LAYERS:
        sys.exit(f"no such environment: {name}; there are: {' '.join(expectations.LAYERS)}")
    return expectations.LAYERS[name] | {"rlimits", "server"}


def main():
    collector = Collector()
    os.chdir(HERE.parent)
    status = pytest.main(["-c", "pytest.ini", "-o", "addopts=", "--collect-only", "-p", "no:terminal", str(HERE)], plugins=[collector])
    if status != 0:
        return status
    if "--count" in sys.argv:
        count = collections.Counter(layer for layers, _ in collector.cases for layer in layers)
        print("".join(f"{layer:18} {count[layer]:4}  {text}\n" for layer, text in LAYERS.items()), end="")
    else:
        held = here()
        print("".join(f"{', '.join(layer for layer in layers if layer in held):40}  {case}\n" for layers, case in collector.cases), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
