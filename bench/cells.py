"""Measures: one cell is one script on one service under one load, once a round. Must not print."""
import json
import pathlib
import statistics

import machine

LEVELS = ("1", "2", "4", "8", "spaced")
SPACED_US = 20000
HEAVY = ("sklearn_plot", "seaborn_png")  # more than a second where a new interpreter is started


class Script:
    # What is known of the answer beforehand; the rest must be what a plain interpreter gives.
    known = {"trivial": {"value": 42}, "numpy_mean": {"sum": 7979},
             "pandas_frame": {"shape": [20, 4], "best": "Bern"},
             "sklearn_plot": {"slope": 3.0, "is_png": True}, "seaborn_png": {"is_png": True}}

    def __init__(self, name):
        path = pathlib.Path(__file__).with_name("scripts") / f"{name}.py"
        self.name, self.source, self.expected = name, path.read_text(encoding="utf-8"), None

    def expect(self, answer):
        for key, value in self.known[self.name].items():
            assert answer[key] == value, f"{self.name}: {key} is {answer[key]}"
        self.expected = answer


def quantile(ordered, part):
    """Nearest rank; None where there are too few to say."""
    if len(ordered) < 1 / (1 - part):
        return None
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


class Sample:
    """One round of a cell. Times in milliseconds."""

    def __init__(self, load):
        ordered = sorted(load.took_us)
        self.count = len(ordered)
        self.p50 = statistics.median(ordered) / 1000
        self.p95, self.p99 = ((value and value / 1000) for value in (quantile(ordered, 0.95), quantile(ordered, 0.99)))
        self.rate, self.cpu = load.rate, None if load.cpu_us is None else load.cpu_us / 1000


class Cells:
    """{(script, level, service): [Sample a round]}"""

    def __init__(self):
        self.samples = {}

    def add(self, script, level, service, load):
        self.samples.setdefault((script, level, service), []).append(Sample(load))

    def median(self, script, level, service, what):
        values = [getattr(sample, what) for sample in self.samples.get((script, level, service), [])]
        return statistics.median(values) if values and None not in values else None

    def spread(self, script, level, service):
        """Of p50 over the rounds, as a part of its median; None for one round."""
        values = [sample.p50 for sample in self.samples.get((script, level, service), [])]
        return (max(values) - min(values)) / statistics.median(values) if len(values) > 1 else None

    def ratio(self, script, level, one, other, what):
        """Median over the rounds of one / other, each round's pair taken one after the other."""
        pairs = zip(self.samples.get((script, level, one), []), self.samples.get((script, level, other), []))
        ratios = [getattr(a, what) / getattr(b, what) for a, b in pairs]
        return statistics.median(ratios) if ratios else None


def check_answers(script, services):
    """Asks each service once, and keeps the answer's bytes for the client to compare with."""
    for service in services:
        body = service.first(script.source)
        answer = json.loads(body)
        assert answer["result"] == script.expected, f"{service.name}: {script.name} gives {answer}"
        (service.work / f"{service.name}.{script.name}.expect").write_bytes(body)


def measure(cells, script, level, service, seconds, least):
    """One round of a cell, if it says something: spaced is for what takes less than the gap."""
    if level == "spaced":
        alone = cells.median(script.name, "1", service.name, "p50")
        if alone is None or alone > SPACED_US / 1000 * 0.75:
            return
        load = service.under_load(script, "--lanes=1", f"--period={SPACED_US}", f"--seconds={seconds}")
    else:
        load = service.under_load(script, f"--lanes={level}", f"--least={max(least, int(level))}",
                                  f"--seconds={seconds}")
    cells.add(script.name, level, service.name, load)


def at_half_load(service, script, rate, seconds, bursts):
    """p99 / p50 with half of what the service can do arriving, evenly and at random, in turn: two lists of (ratio,
    p50, p99), one of each burst; and of between the bursts, for how many seconds and which stalls the machine alone
    was watched (machine.py)."""
    found, watched_s, stalls = ([], []), 0, []
    for _ in range(bursts):
        for arrivals, kept in zip(([], ["--random"]), found):
            load = service.under_load(script, "--lanes=64", "--least=200", f"--period={2e6 / rate}",
                                      f"--seconds={seconds}", *arrivals)
            sample = Sample(load)
            kept.append((sample.p99 / sample.p50, sample.p50, sample.p99))
            stalls += machine.stalls_ms(seconds / 2)
            watched_s += seconds / 2
    return *found, watched_s, stalls


def stages(timings):
    """{stage: [milliseconds]} of all that Server-Timing names, in its order."""
    found = {}
    for timing in timings:
        for entry in filter(None, timing.split(",")):
            name, *parameters = entry.strip().split(";")
            for parameter in parameters:
                key, _, value = parameter.strip().partition("=")
                if key == "dur":
                    found.setdefault(name, []).append(float(value))
    return found
