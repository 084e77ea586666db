"""make test-scale: three instances behind haproxy, with the configuration of deploy/haproxy. Under load one is killed, one is
added and one is drained. Every request must be answered 200 with the result that is right for it; then the same
without retries, where the kill must be seen. Prints what each instance did.

SCALE_REQUESTS (4000) is how many requests there are at least.
"""
import asyncio
import collections
import json
import os
import pathlib
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "load")]

import cell
from fleet import Fleet
from support import procs
from wire import Connection

CLIENTS = 24
REQUESTS = int(os.environ.get("SCALE_REQUESTS", "4000"))
NAMES = ["one", "two", "three"]
RETRY = "retry-on conn-failure empty-response 503"
SCRIPTS = [
    "def main():\n    print('nonce', {0})\n    return {0} * 3\n",
    "import time\ndef main():\n    time.sleep(0.1)\n    print('nonce', {0})\n    return {0} * 3\n",
    "# " + "x" * 40_000 + "\ndef main():\n    print('nonce', {0})\n    return {0} * 3\n",
]


class Tally:
    def __init__(self):
        self.asked, self.right, self.wrong, self.statuses, self.seconds = 0, 0, [], collections.Counter(), []


def request(number):
    body = json.dumps({"script": SCRIPTS[number % len(SCRIPTS)].format(number)}).encode()
    return (f"POST /execute HTTP/1.1\r\nHost: scale\r\nX-Request-Id: scale-{number}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n").encode() + body


async def client(port, tally, is_over):
    connection = Connection(port)
    while not is_over():
        tally.asked += 1
        number, began = tally.asked, time.monotonic()
        try:
            answer = await connection.ask(request(number))
        except (OSError, asyncio.IncompleteReadError, ValueError) as error:
            tally.wrong.append((number, error))
            await connection.close()
            continue
        tally.seconds.append(time.monotonic() - began)
        tally.statuses[answer.status] += 1
        if (answer.status, answer.json, answer.headers.get("x-request-id")) == \
                (200, {"result": number * 3, "stdout": f"nonce {number}\n"}, f"scale-{number}"):
            tally.right += 1
        else:
            tally.wrong.append((number, answer))
    await connection.close()


async def when(tally, count):
    while tally.asked < count:
        await asyncio.sleep(0.01)


async def events(fleet, tally, said):
    """One after the other, while requests come; each thing is done in a thread, so that they go on coming."""
    do = asyncio.to_thread
    await when(tally, REQUESTS // 5)
    running = await do(fleet.kill, "one")
    said.append(f"at request {tally.asked}: one is killed; it was running {running} scripts")
    await when(tally, 2 * REQUESTS // 5)
    await do(fleet.add, "spare1")
    said.append(f"at request {tally.asked}: spare1 is added")
    await when(tally, 3 * REQUESTS // 5)
    running = await do(fleet.drain, "two")
    said.append(f"at request {tally.asked}: two is told to stop; it was running {running} scripts")
    status = await do(fleet.drained, "two")
    said.append(f"at request {tally.asked}: two has ended, with status {status}")


async def under_load(fleet, tally, requests, happen):
    happening = asyncio.create_task(happen)

    def is_over():
        return happening.done() and tally.asked >= requests

    await asyncio.gather(*(client(fleet.balancer.port, tally, is_over) for _ in range(CLIENTS)))
    happening.result()


def served(instance):
    """Runs that this instance finished, by its log: it may be gone."""
    return sum('path="/execute" status=200' in line for line in instance.log().splitlines())


def table(fleet):
    rows = fleet.balancer.rows()
    yield f"  {'':10} {'sent to':>8} {'answered':>9} {'sent again':>11} {'its log: runs':>14}  state"
    for name, instance in fleet.instances.items():
        row = rows[name]
        yield f"  {name:10} {row['stot']:>8} {row['hrsp_2xx']:>9} {row['wretr']:>11} {served(instance):>14}  {row['status']}"
    total = rows["BACKEND"]
    yield f"  {'together':10} {total['stot']:>8} {total['hrsp_2xx']:>9} {total['wretr']:>11}"


def everything(folder):
    fleet, tally, said = Fleet(folder, NAMES), Tally(), []
    print(f"scale: {REQUESTS} requests, {CLIENTS} at once, three instances with 4 slots each", flush=True)
    began = time.monotonic()
    try:
        asyncio.run(under_load(fleet, tally, REQUESTS, events(fleet, tally, said)))
        seconds, ordered = time.monotonic() - began, sorted(tally.seconds)
        print("\n".join(f"  {line}" for line in said))
        print(f"  asked {tally.asked}, right {tally.right}, wrong {len(tally.wrong)}, by status {dict(tally.statuses)}; {tally.asked / seconds:.0f} "
              f"a second; median {ordered[len(ordered) // 2] * 1000:.0f} ms, longest {ordered[-1] * 1000:.0f} ms")
        print("\n".join(table(fleet)))
        rows = fleet.balancer.rows()
        complaints = [f"{number}: {answer}" for number, answer in tally.wrong[:5]]
        complaints += ["nothing was sent again"] if int(rows["BACKEND"]["wretr"]) == 0 else []
        complaints += [f"{name} answered nothing" for name in fleet.instances if int(rows[name]["hrsp_2xx"]) == 0]
        complaints += [] if said[-1].endswith("with status 0") else [said[-1]]
    finally:
        fleet.stop()
    return complaints


def without_retries(folder):
    """The same kill where haproxy sends nothing again: what it was running is lost, so the kill was a real one."""
    fleet, tally, said = Fleet(folder, NAMES, {RETRY: "retry-on none"}), Tally(), []

    async def kill():
        await when(tally, 200)
        said.append(await asyncio.to_thread(fleet.kill, "one"))

    try:
        asyncio.run(under_load(fleet, tally, 500, kill()))
        print(f"the same without retries: one is killed running {said[0]} scripts; asked {tally.asked}, right {tally.right}, "
              f"by status {dict(tally.statuses)}")
    finally:
        fleet.stop()
    return [] if tally.wrong else ["without retries nothing was lost either: the kill shows nothing"]


def left_processes():
    """In this namespace, without this one. Those of a killed instance are ours to reap."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        try:
            os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            break
        time.sleep(0.01)
    return sorted(set(procs.parents()) - {os.getpid()})


def main():
    if os.environ.get("SCALE_CELL") != "inside":
        return cell.run([sys.executable, __file__], {"SCALE_CELL": "inside"})
    complaints = []
    for phase in (everything, without_retries):
        with tempfile.TemporaryDirectory() as folder:
            complaints += phase(folder)
    complaints += [f"left when all was over: {pid}" for pid in left_processes()]
    for complaint in complaints:
        print("  WRONG:", complaint)
    print("scale: " + ("FAILED" if complaints else "all right"), flush=True)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
