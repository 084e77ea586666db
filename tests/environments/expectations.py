"""What holds where: the layers that each environment must have, where a script can write, and which
containment cases cannot be tried. Tests compare this with what the service says and does, and
docs/security.md says the same in words.
"""
ALWAYS = {"seccomp", "no-new-privileges"}
LANDLOCK = {"landlock", "landlock-scopes"}
NAMESPACES = {"namespaces", "network-namespace", "private-root", "private-proc"}
NO_NAMESPACES = ALWAYS | LANDLOCK | {"private-proc", "watchdog"}

# By CODE_RUNNER_ENVIRONMENT. Landlock's ABI and the cgroup's version are those of the machine's kernel,
# 6.18 with cgroup v1, and 6.1 with v2 for the virtual machine.
LAYERS = {
    "privileged": ALWAYS | LANDLOCK | NAMESPACES | {"unique-uid", "cgroup"},
    "docker": NO_NAMESPACES | {"unique-uid"},
    "docker-user": NO_NAMESPACES | {"kill-filter"},
    "docker-capdrop": NO_NAMESPACES | {"kill-filter"},
    "docker-root-capdrop": NO_NAMESPACES | {"kill-filter"},
    "docker-read-only": NO_NAMESPACES | {"unique-uid"},
    "docker-few-capabilities": NO_NAMESPACES | {"kill-filter"},
    "docker-profile": ALWAYS | LANDLOCK | NAMESPACES | {"unique-uid", "watchdog"},
    "kubernetes": ALWAYS | LANDLOCK | NAMESPACES | {"watchdog"},
    "docker-cold": NO_NAMESPACES | {"unique-uid"},
    "docker-user-cold": NO_NAMESPACES | {"kill-filter"},
    "docker-sysadmin": ALWAYS | LANDLOCK | NAMESPACES | {"unique-uid", "watchdog"},
    "podman": ALWAYS | LANDLOCK | NAMESPACES | {"unique-uid", "watchdog"},
    "podman-user": ALWAYS | LANDLOCK | NAMESPACES | {"watchdog"},
    "gvisor": ALWAYS | {"namespaces", "network-namespace", "unique-uid", "watchdog", "file-modes"},
    "gvisor-cold": ALWAYS | {"namespaces", "network-namespace", "unique-uid", "watchdog", "file-modes"},
    "vm": ALWAYS | NAMESPACES | {"landlock", "unique-uid", "cgroup"},
    "image": NO_NAMESPACES | {"unique-uid"},
}

# Where a script can write. Its working directory everywhere; the others only where no other script's files
# are there, which takes a private root or a uid of its own, and where they are writable at all.
SCRATCH = (".", "/tmp", "/dev/shm")
WRITABLE = {
    "docker-user": (".",),
    "docker-capdrop": (".",),
    "docker-root-capdrop": (".",),
    "docker-few-capabilities": (".",),
    "docker-user-cold": (".",),
    "docker-read-only": (".", "/dev/shm"),
}

# Containment cases that cannot be tried there, by function, with the reason. Every other case must pass.
NOT_HERE = {
    "gvisor": {
        "test_a_unix_socket_beside_the_service_is_out_of_reach": "a socket of the machine is no socket in gVisor",
        "test_priority_cannot_be_raised": "gVisor keeps a nice value for show and knows no other policy",
        "test_no_terminal_to_type_into": "a script sees the container's /dev/ptmx; what a terminal could be used for, test_syscalls.py tries",
    },
    "vm": {
        "test_others_are_not_stopped_changed_or_ended": "takes longer there than a script may",
        "test_a_unix_socket_beside_the_service_is_out_of_reach": "its files are not the machine's",
        "test_set_uid_programs_give_nothing": "its files are not the machine's",
    },
}
NOT_HERE["gvisor-cold"] = NOT_HERE["gvisor"]
