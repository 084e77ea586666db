/* identity: the order matters: the bounding set needs CAP_SETPCAP, the groups CAP_SETGID, and both
 * go with the uid. */
#include "identity.h"

#include <errno.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "plan.h"

int identity_empty_bounding_set(void) {
    for (unsigned long capability = 0;; capability++) {
        int is_there = prctl(PR_CAPBSET_READ, capability, 0, 0, 0);
        if (is_there == 0 || (is_there > 0 && prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0))
            continue;
        /* EINVAL: one past the last that this kernel knows. */
        return errno == EINVAL && capability > 0 ? 0 : -errno;
    }
}

static int clear_capabilities(void) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[2] = {{0}}, now[2];
    if (syscall(SYS_capset, &header, none) < 0 || syscall(SYS_capget, &header, now) < 0)
        return -errno;
    for (int i = 0; i < 2; i++)
        if (now[i].effective || now[i].permitted || now[i].inheritable)
            return -EPERM;
    return 0;
}

int identity_change(uid_t uid) {
    if (syscall(SYS_setgroups, 0, NULL) < 0 || syscall(SYS_setresgid, uid, uid, uid) < 0 ||
        syscall(SYS_setresuid, uid, uid, uid) < 0)
        return -errno;
    return 0;
}

int identity_drop(uid_t uid, const struct plan *plan) {
    /* Where it cannot be emptied, no_new_privs keeps exec from giving what it allows. */
    int r = plan->bounding_set ? identity_empty_bounding_set() : 0;
    if (r == 0 && plan->unique_uid)
        r = identity_change(uid);
    if (r == 0)
        r = clear_capabilities();
    if (r < 0)
        return r;
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        return -errno;
    /* After the uid: changing it clears this. */
    return prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 ? -errno : 0;
}
