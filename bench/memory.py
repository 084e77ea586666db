"""What a running service holds in memory, from /proc. Must not signal or change anything.

In use = anonymous and file pages, each shared page divided among those that map it (Pss), + page tables, + shared
memory of the service's cgroup, which counts the zygote's image whole, mapped or not.
"""
import ctypes
import os
import threading
import time

KCMP_VM = 1
SYS_KCMP = {"x86_64": 312, "aarch64": 272}.get(os.uname().machine)
SLEEP = "import time\n\n\ndef main():\n    time.sleep(1.2)\n    return 1\n"


def parent_of(pid):
    """None if it is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return int(file.read().rsplit(b")", 1)[1].split()[1])
    except OSError:
        return None


def tree(root):
    """{pid: depth} of root and all below."""
    parents = {int(name): parent_of(name) for name in os.listdir("/proc") if name.isdigit()}
    found, depth, wave = {}, 0, {root}
    while wave:
        found.update((pid, depth) for pid in wave)
        wave, depth = {pid for pid, parent in parents.items() if parent in wave}, depth + 1
    return found


def same_memory(one, other):
    """Do both processes share one address space, so that it must be counted once?"""
    if SYS_KCMP is None:
        return False
    return ctypes.CDLL(None, use_errno=True).syscall(SYS_KCMP, one, other, KCMP_VM, 0, 0) == 0


def address_spaces(root):
    """[(pid, depth)], one for each address space."""
    kept = []
    for pid, depth in sorted(tree(root).items(), key=lambda item: item[1]):
        if not any(same_memory(pid, other) for other, _ in kept):
            kept.append((pid, depth))
    return kept


def fields_kb(path):
    with open(path, encoding="ascii", errors="replace") as file:
        rows = (line.split() for line in file)
        return {row[0]: int(row[1]) for row in rows if len(row) == 3 and row[2] == "kB"}


def own_kb(pid):
    """Anonymous memory and page tables of one process."""
    return fields_kb(f"/proc/{pid}/smaps_rollup")["Pss_Anon:"] + fields_kb(f"/proc/{pid}/status")["VmPTE:"]


def in_use_kb(service):
    """The whole service."""
    pss_kb = shmem_kb = 0
    for pid, _ in address_spaces(service.process.pid):
        try:
            rollup = fields_kb(f"/proc/{pid}/smaps_rollup")
            pss_kb += rollup["Pss_Anon:"] + rollup["Pss_File:"] + fields_kb(f"/proc/{pid}/status")["VmPTE:"]
            shmem_kb += rollup["Pss_Shmem:"]
        except (OSError, KeyError):
            continue  # gone meanwhile
    counted = service.group.shmem_bytes()
    return pss_kb + (shmem_kb if counted is None else counted / 1024)


class Workers:
    """The workers of a service: all below the zygote, so at least two below the monitor."""

    def __init__(self, service):
        depths = tree(service.process.pid)
        parents = {parent_of(pid) for pid in depths}
        # A worker's init is its parent; if it has memory of its own, it is the worker's too.
        self.count = sum(1 for pid, depth in depths.items() if depth >= 2 and pid not in parents)
        each_kb = []
        for pid, depth in address_spaces(service.process.pid):
            try:
                each_kb += [own_kb(pid)] if depth >= 2 else []
            except (OSError, KeyError):
                continue  # gone
        self.own_kb, self.most_kb, self.least_kb = sum(each_kb), max(each_kb, default=0), min(each_kb, default=0)


def wait_for_pool(service, count):
    """Until count workers wait and have settled; AssertionError if they do not come."""
    for _ in range(200):
        if Workers(service).count >= count:
            time.sleep(0.3)
            return
        time.sleep(0.05)
    raise AssertionError(f"{service.name}: {count} waiting workers did not come")


def per_worker_mb(service, count, running):
    """{"waiting": a waiting worker's own, the mean of all, "first": of the one that is next, "others": of another one,
    "running": what a running script that only sleeps has, besides what the one that was next had more than others}, of
    a service whose pool is count and that runs so many at once."""
    wait_for_pool(service, count)
    service.first(SLEEP.replace("1.2", "0"))
    wait_for_pool(service, count)
    waiting = Workers(service)
    waiting_kb = waiting.own_kb / waiting.count
    base_kb = in_use_kb(service) - waiting.own_kb
    threads = [threading.Thread(target=service.first, args=(SLEEP,)) for _ in range(running)]
    for thread in threads:
        thread.start()
    time.sleep(0.9)
    # The pool may be full again by now.
    still_waiting = max(0, Workers(service).count - running)
    more_kb = waiting.most_kb - waiting.least_kb
    running_kb = (in_use_kb(service) - base_kb - still_waiting * waiting.least_kb - more_kb) / running
    for thread in threads:
        thread.join()
    found = {"waiting": waiting_kb, "first": waiting.most_kb, "others": waiting.least_kb, "running": running_kb}
    return {what: kb / 1024 for what, kb in found.items()}
