/* reach: the lists. */
#include "reach.h"

#include <stddef.h>

#include "landlock.h"
#include "sandbox.h"

static const char *const root[] = {"/", NULL};

/* What a shared root has for scripts: the system, and the entries of /etc that a private root has
 * too (etc.c) with the users' names. Nothing of /var, /home, /root, /opt, /srv, /run, /sys. */
#define SYSTEM_PATHS                                                                               \
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc/alternatives",           \
        "/etc/fonts", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d",                  \
        "/etc/localtime", "/etc/timezone", "/etc/python3.11", "/etc/python3", "/etc/ssl/certs",    \
        "/etc/ssl/openssl.cnf", "/etc/mime.types", "/etc/matplotlibrc", "/etc/protocols",          \
        "/etc/services", "/etc/debian_version", "/etc/passwd", "/etc/group", "/etc/nsswitch.conf"

/* What a process may know of itself. Not all of /proc/self: its net is the network's, with the
 * addresses of those who are connected, and mountinfo has paths of the host. */
#define OWN_PROCESS                                                                                \
    "/proc/self/cmdline", "/proc/self/comm", "/proc/self/environ", "/proc/self/fd",                \
        "/proc/self/fdinfo", "/proc/self/limits", "/proc/self/maps", "/proc/self/smaps",           \
        "/proc/self/stat", "/proc/self/statm", "/proc/self/status"

/* /dev/zero is the last: shared memory can be made of it, which only a cgroup counts. */
static const char *const devices[] = {"/dev/null",    "/dev/full", "/dev/random",
                                      "/dev/urandom", "/dev/zero", NULL};
static const char *const devices_but_zero[] = {"/dev/null", "/dev/full", "/dev/random",
                                               "/dev/urandom", NULL};

/* In a private root there is nothing else (mounts.c): one rule instead of five for each worker. */
static const char *const private_devices[] = {"/dev", NULL};

static const char *const *devices_of(const struct slot *slot) {
    const struct plan *plan = &slot->sandbox->plan;
    return plan->cgroup_version == 0 ? devices_but_zero
           : plan->private_root      ? private_devices
                                     : devices;
}

static int restrict_shared(const struct slot *slot) {
    const struct places *places = &slot->sandbox->places;
    /* The link is followed when the rule is made, by this process. */
    const char *const read[] = {SYSTEM_PATHS, places->harness, places->fonts,
                                OWN_PROCESS,  "/dev/zero",     NULL};
    /* Where all may write, files belong to their script only if it has a uid of its own. */
    const bool may_share = slot->sandbox->plan.unique_uid;
    const char *const write[] = {slot->scratch, may_share ? "/tmp" : NULL, "/dev/shm", NULL};
    const struct landlock_paths paths = {.read = read, .devices = devices_of(slot), .write = write};
    return landlock_restrict(slot->sandbox->plan.landlock_abi, &paths);
}

int reach_restrict(const struct slot *slot) {
    const char *const write[] = {slot->scratch, NULL};
    const struct landlock_paths paths = {.read = root, .devices = devices_of(slot), .write = write};
    if (!slot->sandbox->plan.private_root)
        return restrict_shared(slot);
    return landlock_restrict(slot->sandbox->plan.landlock_abi, &paths);
}
