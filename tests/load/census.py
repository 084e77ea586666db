"""What the service holds, in numbers that can be compared, and the table of them."""
import os

from support import leftovers, procs


def resident_kb(pid):
    return int(procs.status(pid)["RssAnon"].split()[0])


def take(server, uids):
    zygote = server.zygote_pid()
    return {
        "processes of the service": 1 + len(procs.descendants(server.pid)),
        "processes in the namespace": len(procs.parents()),
        "descriptors: monitor": procs.count_descriptors(server.pid),
        "descriptors: server": procs.count_descriptors(server.main_pid),
        "descriptors: zygote": procs.count_descriptors(zygote),
        "mounts: outside": procs.count_mounts("self"),
        "mounts: zygote": procs.count_mounts(zygote),
        "cgroups": sum(1 + sum(name.startswith("slot-") for name in os.listdir(path)) for path in leftovers.cgroups(uids)),
        "directories for scratch": len(leftovers.scratch(uids)),
        "memory: monitor, kB": resident_kb(server.pid),
        "memory: server, kB": resident_kb(server.main_pid),
        "memory: zygote, kB": resident_kb(zygote),
    }


MAY_GROW_KB = {"memory: monitor, kB": 512, "memory: server, kB": 16384, "memory: zygote, kB": 2048}


def differences(before, after):
    return {name: (before[name], after[name]) for name in before
            if after[name] > before[name] + MAY_GROW_KB.get(name, 0)
            or (name not in MAY_GROW_KB and after[name] != before[name])}


def table(before, after):
    rows = [f"  {name:30} {before[name]:10} {after[name]:10}" for name in before]
    return "\n".join([f"  {'':30} {'before':>10} {'after':>10}", *rows])
