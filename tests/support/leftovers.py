"""What a service could leave on the machine when it is gone: by names that only this one has.

Must not remove anything.
"""
import os

GROUPS = "/sys/fs/cgroup"
BASES = ("/tmp", "/var/tmp", "/dev/shm", "/run")
RANGES, UIDS_PER_SLOT = 4, 2  # CONFIG_UID_RANGES, CONFIG_UIDS_PER_SLOT


def uid_range(base, slots, pool=16):
    """The uids of a service that was started with --uid-base, --slots and --pool, without the server's own. By default of the most that wait if nothing is said."""
    total = 2 * slots + pool + 1
    return range(base + 1, base + 1 + RANGES * UIDS_PER_SLOT * total)


def cgroups(uids):
    """Cgroups with the names of these uids, wherever they are."""
    found = []
    for folder, names, _ in os.walk(GROUPS):
        found += [f"{folder}/{name}" for name in names
                  if name.startswith("code-runner-") and name[12:].isdigit() and int(name[12:]) in uids]
    return found


def owner(path):
    try:
        return os.lstat(path).st_uid
    except OSError:
        return None


def scratch(uids):
    """Directories for scratch space whose slots have these uids, where there is no private root."""
    return [path for base in BASES if os.path.isdir(base) for name in os.listdir(base)
            if name.startswith("code-runner-") and owner(path := f"{base}/{name}/slot-0") in uids]
