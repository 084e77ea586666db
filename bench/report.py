"""Makes Markdown of what was measured, and holds it against what is to be reached. Must not measure."""
import os
import platform
import statistics

NAMES = {"warm": "code-runner, warm", "cold": "code-runner, cold", "bwrap": "bare bwrap python3",
         "flask": "Flask + gunicorn + bwrap"}


def number(value, unit=""):
    if value is None:
        return ""
    digits = 0 if value >= 100 else 1 if value >= 10 else 2
    return f"{value:.{digits}f}{unit}"


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "| --- " + "| --: " * (len(head) - 1) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def machine():
    model = ""
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    with open("/proc/meminfo", encoding="ascii") as file:
        memory_gib = int(file.readline().split()[1]) / 2**20
    load = " ".join(f"{part:.1f}" for part in os.getloadavg())
    processors = f"{len(os.sched_getaffinity(0))} processors ({model or platform.machine()})"
    system = f"Linux {platform.release()}, Python {platform.python_version()}"
    return f"Machine: {processors}, {memory_gib:.0f} GiB, {system}; load average {load} at the end.\n"


def cells_table(cells, script, levels):
    head = ["in flight", "who", "p50 ms", "p95", "p99", "spread of p50", "requests/s", "processor ms",
            "p50 faster than Flask", "than bwrap", "rate to Flask", "to bwrap"]
    rows = []
    for level in levels:
        for who in NAMES:
            if (script, level, who) not in cells.samples:
                continue
            values = {what: cells.median(script, level, who, what) for what in ("p50", "p95", "p99", "rate", "cpu")}
            spread = cells.spread(script, level, who)
            row = [level, NAMES[who], number(values["p50"]), number(values["p95"]), number(values["p99"]),
                   "" if spread is None else f"{spread:.0%}", number(values["rate"]), number(values["cpu"])]
            row += [number(cells.ratio(script, level, rival, who, "p50"), "×") for rival in ("flask", "bwrap")]
            row += [number(cells.ratio(script, level, who, rival, "rate"), "×") for rival in ("flask", "bwrap")]
            rows.append(row)
    return table(head, rows)


def median_of(rows, position):
    return statistics.median(row[position] for row in rows)


def to_limit(pairs):
    """Ours to a warm interpreter: the median of the pairs' ratios."""
    return statistics.median(ours_ms / limit_ms for limit_ms, ours_ms in pairs) if pairs else None


def limit_table(limits):
    rows = [[script, number(median_of(pairs, 0)), number(median_of(pairs, 1)), number(to_limit(pairs), "×"),
             f"{min(b / a for a, b in pairs):.2f} to {max(b / a for a, b in pairs):.2f}"]
            for script, pairs in limits.items()]
    return table(["script", "warm interpreter, ms", "code-runner, warm, ms", "ratio of pairs", "from, to"], rows)


def stages_table(found):
    """found: {(who, in flight): (p50 of the whole, {stage: median})}"""
    rows = []
    for (who, lanes), (whole_ms, stages) in found.items():
        rows.append([f"{NAMES[who]}, {lanes} in flight", "seen by the client", f"{whole_ms:.3f}"])
        rows += [["", name, f"{value:.3f}"] for name, value in stages.items()]
    return table(["", "stage", "median ms"], rows)


def half_load_table(half_load):
    *both, watched_s, stalls = half_load
    rows = [[arrivals, *(number(median_of(bursts, position)) for position in (1, 2, 0)),
             f"{min(bursts)[0]:.2f} to {max(bursts)[0]:.2f}"]
            for arrivals, bursts in zip(("even", "random"), both)]
    return (table(["arrivals", "p50 ms", "p99 ms", "p99 / p50", "from, to"], rows) +
            f"\nBetween the bursts, with no service at work, the processors together stood still {len(stalls) / watched_s:.1f} "
            f"times a second for 1 ms or more, {sum(stall >= 3 for stall in stalls) / watched_s:.1f} times for 3 ms or more, "
            f"{max(stalls, default=0):.1f} ms at most.\n")


def memory_table(in_memory):
    names = {"start": "the service after start", "waiting": "a waiting worker's own, mean of 16",
             "first": "of the one that is next", "others": "of another one", "running": "a running trivial script"}
    return table(["what", "MB"], [[what, number(in_memory.get(key))] for key, what in names.items()])


def check(what, value, at_least, aim, unit, more_is_better):
    """One row: is value as wanted? value None: was not measured."""
    def reached(bound):
        if bound is None:
            return ""
        if value is None:
            return "not measured"
        return "reached" if (value >= bound if more_is_better else value <= bound) else "**not reached**"

    sign = "≥" if more_is_better else "≤"
    return [what, number(value, unit) or "-", f"{sign} {at_least:g}{unit}", reached(at_least),
            "" if aim is None else f"{sign} {aim:g}{unit}", reached(aim)]


def checks_table(cells, limits, memory, half_load):
    def faster(script):
        return cells.ratio(script, "1", "flask", "warm", "p50")

    def rates(script):
        return cells.ratio(script, "8", "warm", "flask", "rate")

    rows = [check("trivial, p50, faster than Flask + bwrap", faster("trivial"), 30, 100, "×", True),
            check("trivial, 8 in flight, rate to Flask + bwrap", rates("trivial"), 15, 22, "×", True),
            check("numpy, p50, faster", faster("numpy_mean"), 40, None, "×", True),
            check("pandas, p50, faster", faster("pandas_frame"), 35, None, "×", True),
            check("pandas, 8 in flight, rate", rates("pandas_frame"), 25, None, "×", True)]
    for script in ("sklearn_plot", "seaborn_png"):
        rows.append(check(f"{script}, p50 to a warm interpreter", to_limit(limits.get(script)), 1.5, 1.2, "×", False))
    for script in limits:
        rows.append(check(f"cold, {script}, p50 to bare bwrap", cells.ratio(script, "1", "cold", "bwrap", "p50"),
                          1, None, "×", False))
    rows.append(check("memory after start", memory.get("start"), 350, 280, " MB", False))
    rows.append(check("a waiting worker's own memory, mean", memory.get("waiting"), 4, 2, " MB", False))
    even, random = (median_of(bursts, 0) for bursts in half_load[:2])
    rows.append(check("p99 / p50 at half load", even, 4, 2.5, "", False))
    # No bound: requests come in clusters, for which an ideal service would already have up to 5.8.
    rows.append(["the same, when requests come at random", number(random), "", "", "", ""])
    aims = [("trivial, p50", "1", "trivial", "p50", 0.5, " ms", False),
            ("trivial, 8 in flight", "8", "trivial", "rate", 1000, "/s", True),
            ("numpy, p50", "1", "numpy_mean", "p50", 2.5, " ms", False),
            ("pandas, p50", "1", "pandas_frame", "p50", 5, " ms", False),
            ("pandas, 8 in flight", "8", "pandas_frame", "rate", 150, "/s", True)]
    for what, level, script, kind, aim, unit, more in aims:
        row = check(what, cells.median(script, level, "warm", kind), aim, aim, unit, more)
        rows.append([row[0], row[1], "", "", row[4], row[5]])
    return table(["what", "measured", "at least", "", "aim", ""], rows)
