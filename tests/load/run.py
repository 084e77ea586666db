"""make test-load, make soak: thousands of runs of all kinds at once while processes of the service are killed,
disks filled and clients leave; then a burst, then too few descriptors. Every request must have the one answer
that is right for it, and afterwards everything must be as it was.

LOAD_RUNS (30000) and LOAD_MINUTES (5): the first phase ends with what comes first; unless LOAD_MINUTES is given, all
of LOAD_RUNS must have been asked for. LOAD_SEED: of the dice.
"""
import asyncio
import gc
import collections
import os
import pathlib
import random
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import cell
import census
from faults import Faults
from kinds import KINDS
from service import QUEUE, SLOTS, LoadedServer
from support import leftovers, procs
from support.server import TIME_FACTOR
from wire import Connection, request

CLIENTS = 24
RUNS = int(os.environ.get("LOAD_RUNS", "30000"))
IS_TIMED = "LOAD_MINUTES" in os.environ  # whoever says how long, as `make soak` does, wants no number
MINUTES = float(os.environ.get("LOAD_MINUTES", "5"))
SEED = int(os.environ.get("LOAD_SEED", time.time_ns() % 10**6))
ZYGOTE_SECONDS = 25
UID_BASE = 30000 + SEED % 100 * 200
FAULTS_SECONDS = 40  # a phase that takes longer has seen each kind of fault
MEDIAN_HEALTH_SECONDS = 0.01
SLOW_HEALTH_SECONDS = 2  # milliseconds are usual: on a machine that others use, this is what is wrong for certain


class Tally:
    def __init__(self):
        self.asked = self.left = 0
        self.right, self.explained, self.wrong = collections.Counter(), collections.Counter(), []
        self.health = []

    def lines(self):
        yield f"  asked {self.asked}, left before the answer {self.left}, right {sum(self.right.values())}: " + \
            ", ".join(f"{name} {count}" for name, count in self.right.most_common())
        yield f"  explained by a kill: {dict(self.explained)}; wrong: {len(self.wrong)}"
        if self.health:
            ordered = sorted(self.health)
            yield f"  /health asked {len(ordered)} times: median {ordered[len(ordered) // 2] * 1000:.1f} ms, " \
                  f"99 % {ordered[len(ordered) * 99 // 100] * 1000:.1f} ms, longest {ordered[-1] * 1000:.0f} ms"


def judge(tally, faults, name, nonce, answer, began):
    ended = time.monotonic()
    if KINDS[name].is_right(answer, nonce):
        tally.right[name] += 1
        return
    is_killed = (answer.status, answer.outcome) == (500, "internal") or \
        (answer.outcome == "killed" and "signal 9" in answer.json["error"])
    if is_killed and faults and faults.explains(began, ended):
        tally.explained[f"{answer.status} {answer.outcome}"] += 1
    else:
        tally.wrong.append((name, nonce, answer))


async def leave(connection, data, dice, tally):
    await connection.open()
    connection.writer.write(data)
    await asyncio.sleep(dice.random() * 0.05)
    tally.left += 1
    await connection.close(reset=dice.random() < 0.5)


async def client(port, dice, tally, faults, is_over, reuse=True):
    names, weights = list(KINDS), [kind.weight for kind in KINDS.values()]
    connection = Connection(port)
    while not is_over():
        tally.asked += 1
        nonce, name = tally.asked, dice.choices(names, weights)[0]
        body, luck, began = KINDS[name].body(nonce), dice.random(), time.monotonic()
        if luck < 0.03:
            await connection.close()
            await leave(connection, request(body), dice, tally)
            continue
        try:
            answer = await connection.ask(request(body, close=not reuse or luck < 0.3), pieces=3 if luck > 0.99 else 1)
        except (OSError, asyncio.IncompleteReadError, AssertionError) as error:
            tally.wrong.append((name, nonce, error))
            await connection.close()
            continue
        judge(tally, faults, name, nonce, answer, began)
    await connection.close()


async def ask_health(port, tally):
    connection = Connection(port)
    while True:
        began = time.monotonic()
        answer = await connection.get("/health")
        tally.health.append(time.monotonic() - began)
        if answer.body != b'{"status": "healthy"}':
            tally.wrong.append(("health", 0, answer))
        await asyncio.sleep(0.1)


async def report(tally, began):
    while True:
        await asyncio.sleep(30)
        print(f"  {time.monotonic() - began:4.0f} s: {tally.asked} asked, {len(tally.wrong)} wrong", flush=True)


async def under_load(server, dice, tally, faults, is_over):
    began = time.monotonic()
    beside = [asyncio.create_task(ask_health(server.port, tally)), asyncio.create_task(report(tally, began))]
    if faults:
        beside.append(asyncio.create_task(faults.run(ZYGOTE_SECONDS)))
    await asyncio.gather(*(client(server.port, random.Random(dice.random()), tally, faults, is_over) for _ in range(CLIENTS)))
    for task in beside:
        assert not task.done(), task.exception()
        task.cancel()


async def settled(server):
    """Whole again, and nothing under way."""
    for _ in range(200):
        connection = Connection(server.port)
        answer = await connection.get("/ready")
        await connection.close()
        if answer.status == 200 and answer.json["running"] == answer.json["waiting"] == 0:
            break
        await asyncio.sleep(0.1)
    await asyncio.sleep(6)  # what is made ahead of requests, and what lingers for clients that still write
    gc.collect()  # connections of clients that ended
    for _ in range(700):  # an idle one is kept for 60 s
        if not procs.holds_connections(server.port):
            break
        await asyncio.sleep(0.1)


def mixed(dice):
    """The first phase: all kinds, all faults. True if all is well."""
    server, tally, end = LoadedServer(UID_BASE), Tally(), time.monotonic() + MINUTES * 60
    faults = Faults(server, dice)
    print(f"mixed: {RUNS} runs or {MINUTES:g} minutes, {CLIENTS} clients, {SLOTS} slots", flush=True)
    asyncio.run(under_load(server, dice, warm := Tally(), None, lambda: warm.asked >= 500))
    asyncio.run(settled(server))
    before, began = census.take(server, server.uids), time.monotonic()
    asyncio.run(under_load(server, dice, tally, faults, lambda: tally.asked >= RUNS or time.monotonic() > end))
    seconds = time.monotonic() - began
    asyncio.run(settled(server))
    after = census.take(server, server.uids)
    print("\n".join(tally.lines()))
    print(f"  {tally.asked / seconds:.0f} requests/s for {seconds:.0f} s; killed: {faults.counts}")
    print(census.table(before, after))
    server.stop()
    return verdict("mixed", warm.wrong + tally.wrong, [
        *incomplete(tally, faults, seconds),
        *(f"{name}: {was} before, {now} after" for name, (was, now) in census.differences(before, after).items()),
        *([f"/health took {max(tally.health):.1f} s"] if max(tally.health, default=0) > SLOW_HEALTH_SECONDS else []),
        *(f"left when it was gone: {name}" for name in leftovers.cgroups(server.uids) + leftovers.scratch(server.uids)),
        *([] if len(procs.parents()) == 1 else ["left when it was gone: processes"])])


def incomplete(tally, faults, seconds):
    """What must have happened for the rest to mean anything, and how much a kill may explain."""
    most = faults.counts["worker"] + faults.counts["init"] + 2 * SLOTS * faults.counts["zygote"]
    explained = sum(tally.explained.values())
    if explained > most:
        yield f"{explained} answers tell of a kill, {most} could"
    if not IS_TIMED and tally.asked < RUNS:
        yield f"{tally.asked} runs were asked for in {MINUTES:g} minutes, not {RUNS}"
    if seconds > FAULTS_SECONDS:
        yield from (f"no {what} was killed" for what, count in faults.counts.items() if count == 0)
    health = sorted(tally.health) or [MEDIAN_HEALTH_SECONDS]
    if health[len(health) // 2] >= MEDIAN_HEALTH_SECONDS * TIME_FACTOR:
        yield f"/health took {health[len(health) // 2] * 1000:.1f} ms as a rule"


async def ask_once(port, nonce, tally):
    connection, body = Connection(port), KINDS["result"].body(nonce)
    try:
        answer = await connection.ask(request(body, close=True))
    except (OSError, asyncio.IncompleteReadError, AssertionError) as error:
        tally.wrong.append(("burst", nonce, error))
        return
    if answer.status == 503 and answer.outcome == "overloaded" and 1 <= int(answer.headers["retry-after"]) <= 60:
        tally.right["refused"] += 1
    elif KINDS["result"].is_right(answer, nonce):
        tally.right["result"] += 1
    else:
        tally.wrong.append(("burst", nonce, answer))


def burst(_dice):
    """Far more at once than there is room for: each is served, or told when to come again."""
    server, tally, count = LoadedServer(UID_BASE), Tally(), 10 * (SLOTS + QUEUE)
    print(f"burst: {count} at once, room for {SLOTS + QUEUE}", flush=True)

    async def all_at_once():
        await asyncio.gather(*(ask_once(server.port, nonce, tally) for nonce in range(count)))

    for _ in range(3):
        tally.asked += count
        asyncio.run(all_at_once())
    print("\n".join(tally.lines()))
    server.stop()
    few = [] if tally.right["result"] >= 3 * QUEUE else ["fewer were served than there is room for"]
    return verdict("burst", tally.wrong, few + ([] if tally.right["refused"] else ["nobody was refused"]))


def few_descriptors(dice):
    """A service that may open 256 files, and twice as many clients that only connect."""
    server, tally = LoadedServer(UID_BASE, wrapper=("prlimit", "--nofile=256:256")), Tally()
    runs = min(RUNS // 15, 2000)
    print(f"few descriptors: {runs} runs beside 500 idle connections", flush=True)
    asyncio.run(settled(server))
    before = census.take(server, server.uids)

    async def idle():
        connections = [Connection(server.port) for _ in range(500)]
        while True:
            for connection in connections:
                await connection.close()
                await connection.open()
                await asyncio.sleep(0.005)

    async def everything():
        beside = asyncio.create_task(idle())
        await asyncio.gather(*(client(server.port, random.Random(dice.random()), tally, None, lambda: tally.asked >= runs, reuse=False)
                               for _ in range(8)))
        assert not beside.done(), beside.exception()
        beside.cancel()

    asyncio.run(everything())
    asyncio.run(settled(server))
    after = census.take(server, server.uids)
    print("\n".join(tally.lines()))
    print(census.table(before, after))
    server.stop()
    return verdict("few descriptors", tally.wrong,
                   [f"{name}: {was} before, {now} after" for name, (was, now) in census.differences(before, after).items()])


def verdict(phase, wrong, complaints):
    for entry in wrong[:5]:
        print("  WRONG:", *entry)
    for complaint in complaints:
        print("  WRONG:", complaint)
    is_right = not wrong and not complaints
    print(f"{phase}: {'all right' if is_right else 'FAILED'}", flush=True)
    return is_right


def main():
    if os.environ.get("LOAD_CELL") != "inside":
        print(f"load: LOAD_SEED={SEED}", flush=True)
        return cell.run([sys.executable, __file__], {"LOAD_CELL": "inside", "LOAD_SEED": str(SEED)})
    dice = random.Random(SEED)
    phases = [mixed, burst, few_descriptors]
    return 0 if all([phase(dice) for phase in phases]) else 1


if __name__ == "__main__":
    sys.exit(main())
