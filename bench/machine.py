"""How often this machine is not there: a process on each processor does nothing but look at the clock, and what it
does not see is given to others, by the kernel or by the host of a virtual machine. A p99 cannot be better than that
allows. Must not measure a service."""
import multiprocessing
import os
import time

STALL_MS = 1


def watch(processor, seconds, found):
    os.sched_setaffinity(0, {processor})
    now = time.perf_counter()
    end, stalls = now + seconds, []
    while now < end:
        before, now = now, time.perf_counter()
        if now - before >= STALL_MS / 1000:
            stalls.append((now - before) * 1000)
    found.put(stalls)


def stalls_ms(seconds):
    """Of all processors together: how long each stall of STALL_MS or more took."""
    found = multiprocessing.Queue()
    watchers = [multiprocessing.Process(target=watch, args=(processor, seconds, found))
                for processor in sorted(os.sched_getaffinity(0))]
    for watcher in watchers:
        watcher.start()
    stalls = [stall for _ in watchers for stall in found.get()]
    for watcher in watchers:
        watcher.join()
    return stalls
