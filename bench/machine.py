"""What this machine alone makes of a p99: no service, one process that sleeps until a request is due and then
computes as long as the service's median answer takes. It counts from when it could begin, so none waits for the one
before. Its own median is what it computes; whatever is far above it, the machine was not there (on a shared one:
given to others), or slow to wake. Must not measure a service."""
import hashlib
import random
import time

BLOCK = bytes(8192)


def compute(blocks):
    state = hashlib.sha256()
    for _ in range(blocks):
        state.update(BLOCK)


def blocks_for(ms):
    """How many take that long when nothing comes between."""
    best = min(timed(compute, 50) for _ in range(20)) / 50
    return max(1, round(ms / best))


def timed(function, *arguments):
    begin = time.perf_counter()
    function(*arguments)
    return (time.perf_counter() - begin) * 1000


def latencies_us(ms, rate, seconds, at_random):
    """Of requests that need so many ms each and arrive at this rate, from when each was due and the one before over."""
    blocks, found = blocks_for(ms), []
    due = begin = ended = time.perf_counter()
    while due - begin < seconds or len(found) < 200:
        wait = due - time.perf_counter()
        if wait > 0:
            time.sleep(wait)
        could_begin = max(due, ended)
        compute(blocks)
        ended = time.perf_counter()
        found.append((ended - could_begin) * 1e6)
        due += random.expovariate(rate) if at_random else 1 / rate
    return found
