"""How much a service can do of one script: sends it for a while, reads /metrics before and after, and prints what a run
took of time, processor and memory, and what follows from that. Standard library only.

python3 bench/size.py http://localhost:8080 script.py [--at-once=8] [--seconds=10] [--token=TOKEN]

Processor time is that of the whole machine it runs on, so: on the service's own machine, with nothing else at work.
"""
import argparse
import collections
import http.client
import json
import os
import threading
import time
import urllib.parse


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("url", type=urllib.parse.urlparse)
    parser.add_argument("script", type=argparse.FileType())
    parser.add_argument("--at-once", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--token")
    return parser.parse_args()


class Asker:
    """One connection."""

    def __init__(self, url, token):
        self.connection = http.client.HTTPConnection(url.hostname, url.port or 80, timeout=120)
        self.headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}

    def ask(self, method, path, body=None):
        self.connection.request(method, path, body, self.headers)
        response = self.connection.getresponse()
        return response.status, response.read()


def metrics(asker):
    """{sample: value}, and the runs of all outcomes together."""
    status, text = asker.ask("GET", "/metrics")
    if status != 200:
        raise SystemExit(f"/metrics answers {status}")
    rows = (line.rsplit(" ", 1) for line in text.decode().splitlines() if not line.startswith("#"))
    return {name: float(value) for name, value in rows}


def busy_seconds():
    """Processor time that was not idle, of all processors since the start of the machine. proc_stat(5)."""
    with open("/proc/stat", encoding="ascii") as file:
        user, nice, system, _, _, irq, softirq, *_ = map(int, file.readline().split()[1:])
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def load(options, body):
    """(answers by status, seconds each took)."""
    statuses, took, end = collections.Counter(), [], time.monotonic() + options.seconds

    def client():
        asker = Asker(options.url, options.token)
        while (began := time.monotonic()) < end:
            status, _ = asker.ask("POST", "/execute", body)
            statuses[status] += 1
            took.append(time.monotonic() - began)

    threads = [threading.Thread(target=client) for _ in range(options.at_once)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return statuses, sorted(took)


def main():
    options = arguments()
    asker, body = Asker(options.url, options.token), json.dumps({"script": options.script.read()}).encode()
    asker.ask("POST", "/execute", body)
    before, busy, began = metrics(asker), busy_seconds(), time.monotonic()
    statuses, took = load(options, body)
    seconds, busy, after = time.monotonic() - began, busy_seconds() - busy, metrics(asker)

    def grown(name):
        return after.get(name, 0) - before.get(name, 0)

    runs, slots, processors = grown("code_runner_run_seconds_count"), after["code_runner_slots"], os.cpu_count()
    if not runs:
        raise SystemExit(f"nothing ran: {dict(statuses)}")
    run_ms, queue_ms = (grown(f"code_runner_{what}_seconds_sum") / runs * 1000 for what in ("run", "queue"))
    peaks = grown("code_runner_run_peak_memory_bytes_count")
    print(f"answers {dict(statuses)}, {options.at_once} at once; median {took[len(took) // 2] * 1000:.1f} ms, "
          f"99 % within {took[len(took) * 99 // 100] * 1000:.1f} ms")
    print(f"rate              {runs / seconds:8.1f} runs/s")
    print(f"a run, mean       {run_ms:8.1f} ms, after {queue_ms:.1f} ms in the queue")
    print(f"processor         {busy / runs * 1000:8.1f} ms a run, {busy / seconds:.2f} of {processors} busy")
    if peaks:
        print(f"peak memory, mean {grown('code_runner_run_peak_memory_bytes_sum') / peaks / (1 << 20):8.1f} MiB")
    print(f"slots in use      {runs / seconds * run_ms / 1000:8.2f} of {slots:.0f}, by Little's law")
    print(f"at most           {min(slots / run_ms, processors / (busy / runs * 1000)) * 1000:8.1f} runs/s: the smaller of slots / run = "
          f"{slots / run_ms * 1000:.1f} and processors / processor time = {processors * runs / busy:.1f}")


if __name__ == "__main__":
    main()
