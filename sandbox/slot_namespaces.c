/* slot_namespaces: see slot_namespaces.h. The worker's part allocates nothing. */
#include "slot_namespaces.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

static const struct {
    int flag;
    const char *path;
} kinds[SLOT_NAMESPACES_MOST] = {
    {CLONE_NEWNET, "/proc/self/ns/net"},
    {CLONE_NEWIPC, "/proc/self/ns/ipc"},
    {CLONE_NEWUTS, "/proc/self/ns/uts"},
};

int slot_namespaces_make(int flags, bool host_name, struct slot_namespaces *ret_namespaces) {
    *ret_namespaces = (struct slot_namespaces){{-1, -1, -1}};
    if (flags && unshare(flags) < 0)
        return -errno;
    if ((flags & CLONE_NEWUTS) && host_name && sethostname("sandbox", 7) < 0)
        return -errno;
    for (unsigned i = 0; i < SLOT_NAMESPACES_MOST; i++)
        if ((flags & kinds[i].flag) &&
            (ret_namespaces->fds[i] = open(kinds[i].path, O_RDONLY | O_CLOEXEC)) < 0)
            return -errno;
    return 0;
}

int slot_namespaces_enter(const struct slot_namespaces *namespaces) {
    for (unsigned i = 0; i < SLOT_NAMESPACES_MOST; i++)
        if (namespaces->fds[i] >= 0 && setns(namespaces->fds[i], kinds[i].flag) < 0)
            return -errno;
    return 0;
}
