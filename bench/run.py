"""make bench: our warm and cold workers, bare bwrap and Flask + gunicorn + bwrap, one after the other, several
rounds, in one run. Prints Markdown on stdout and what it does on stderr. See docs/performance.md.

Environment: QUICK=1 for a look (one round, under a minute), CODE_RUNNER another binary, CODE_RUNNER_FLAGS more
flags for both of ours, BENCH_CLIENT another client.
"""
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import cells as measuring
import memory
import report
from services import CLIENT, Bwrap, Failure, Flask, Limit, Ours, make_font_list

QUICK = os.environ.get("QUICK", "") not in ("", "0")
ROUNDS = 1 if QUICK else 5
HEAVY_ROUNDS = 1 if QUICK else 2
SECONDS = 0.3 if QUICK else 0.6
PAIRS = 1 if QUICK else 3  # with the warm interpreter, a round
BURSTS = 1 if QUICK else 9  # at half load
LEAST = 1 if QUICK else 2  # requests in a burst, however long they take
LIGHT_LEVELS = ("1", "8", "spaced") if QUICK else measuring.LEVELS
HEAVY_LEVELS = ("1", "8") if QUICK else ("1", "2", "4", "8")
RIVALS_HEAVY_LEVELS = ("1",) if QUICK else ("1", "8")  # a second or more each
BEGIN = time.monotonic()


def say(text):
    print(f"[{time.monotonic() - BEGIN:5.1f} s] {text}", file=sys.stderr, flush=True)


def measure_memory(work, warm):
    """In MB: of the service as it starts by default, and for each worker of one with four slots."""
    time.sleep(0.5)
    found = {"start": memory.in_use_kb(warm) / 1024}
    service = Ours("pool", work, "--start=warm", "--slots=4", "--pool=16")  # as by default on two processors
    try:
        service.start()
        found.update(memory.per_worker_mb(service, 16, 4))
    finally:
        service.stop()
    return found


def pair_with_limit(script, warm, limit):
    """[(what the warm interpreter takes, what our warm service takes)] in ms, each pair one after the other."""
    count, pairs = 9 if script.name in measuring.HEAVY else 99, []
    for _ in range(PAIRS):
        limit_ms = statistics.median(limit.run(script, count)) / 1000
        load = warm.under_load(script, "--lanes=1", f"--least={LEAST}", f"--seconds={SECONDS}")
        pairs.append((limit_ms, measuring.Sample(load).p50))
    return pairs


def run_rounds(cells, scripts, services, limit):
    limits = {}
    for number in range(ROUNDS):
        for script in scripts:
            heavy = script.name in measuring.HEAVY
            if heavy and number >= HEAVY_ROUNDS:
                continue
            say(f"round {number + 1} of {HEAVY_ROUNDS if heavy else ROUNDS}: {script.name}")
            limits.setdefault(script.name, []).extend(pair_with_limit(script, services[0], limit))
            for level in HEAVY_LEVELS if heavy else LIGHT_LEVELS:
                for service in services:
                    if not heavy or service.name == "warm" or level in RIVALS_HEAVY_LEVELS:
                        measuring.measure(cells, script, level, service, SECONDS, LEAST)
    return limits


def profile(work, script, services):
    """Medians of what Server-Timing names, on services of their own where the stages must be asked for."""
    found = {}
    for service in services:
        help_text = subprocess.run([work / "code-runner", "--help"], stdout=subprocess.PIPE, text=True, check=True)
        traced = "--trace" in help_text.stdout
        if traced:
            service = Ours(f"{service.name}-trace", work, *service.flags, "--trace")
        try:
            if traced:
                service.start()
                measuring.check_answers(script, [service])
            for lanes in ("1", "8"):
                load = service.under_load(script, f"--lanes={lanes}", f"--seconds={SECONDS}")
                stages = {name: statistics.median(values) for name, values in measuring.stages(load.timings).items()}
                found[service.name.removesuffix("-trace"), lanes] = statistics.median(load.took_us) / 1000, stages
        finally:
            if traced:
                service.stop()
    return found


def health_line(service):
    """What client and HTTP alone cost, so that one sees that they are not what is measured."""
    request, expect = service.work / "health.request", service.work / f"{service.name}.health.expect"
    request.write_text("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
    expect.write_bytes(service.get("/health").body)
    load = service.load([CLIENT, f"--port={service.port}", f"--request={request}", f"--expect={expect}",
                         "--lanes=8", "--seconds=0.3"])
    return (f"Client and HTTP alone (`GET /health`, 8 in flight): {load.rate:.0f} requests/s, {load.client_us:.0f} µs "
            "of the client's processor time each.\n")


def compare(work):
    make_font_list(work)
    warm, cold = Ours("warm", work, "--start=warm"), Ours("cold", work, "--start=cold")
    services = [warm, cold, Bwrap("bwrap", work), Flask("flask", work)]
    limit, cells = Limit("limit", work), measuring.Cells()
    scripts = [measuring.Script(name) for name in measuring.Script.known]
    try:
        say("starting the warm service, looking at its memory")
        warm.start()
        limit.start()
        in_memory = measure_memory(work, warm)
        say("starting the others")
        for service in services[1:]:
            service.start()
        limit.wait_ready()
        for script in scripts:
            script.expect(limit.answer(script)["answer"])
            measuring.check_answers(script, services)
        limits = run_rounds(cells, scripts, services, limit)
        say("half load, stages")
        half_load = measuring.at_half_load(warm, scripts[0], cells.median("trivial", "8", "warm", "rate"),
                                           1 if QUICK else 2, BURSTS)
        stages = profile(work, scripts[0], [warm, cold])
        http_alone = health_line(warm)
    finally:
        for service in [*services, limit]:
            service.stop()
    return cells, limits, in_memory, half_load, stages, http_alone, warm.start_s


def print_report(cells, limits, in_memory, half_load, stages):
    print(report.machine())
    print("## Against what is to be reached\n")
    print(report.checks_table(cells, limits, in_memory, half_load))
    for script in limits:
        print(f"## {script}\n")
        print(report.cells_table(cells, script, measuring.LEVELS))
    print("## The limit: the same code in an interpreter that is warm already\n")
    print(report.limit_table(limits))
    print("## Half load (trivial)\n")
    print(report.half_load_table(half_load))
    print("## Memory\n")
    print(report.memory_table(in_memory))
    print("## Where a trivial request's time goes\n")
    print(report.stages_table(stages))


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("bench: told to stop"))  # what was started is stopped
    work = pathlib.Path(tempfile.mkdtemp(prefix="code-runner-bench-"))
    work.chmod(0o755)
    try:
        cells, limits, in_memory, half_load, stages, http_alone, start_s = compare(work)
    except (Failure, AssertionError, subprocess.CalledProcessError) as failure:
        sys.exit(f"bench: {failure}")
    finally:
        shutil.rmtree(work)
    print_report(cells, limits, in_memory, half_load, stages)
    print(http_alone)
    print(f"Ready {start_s:.1f} s after start.")
    say("done")


main()
