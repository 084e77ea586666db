/* privileges: one step after the other, in the only order in which each is still allowed. */
#include "privileges.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* While there is CAP_SETPCAP. Capabilities are numbered without gaps: EINVAL is past the last. */
static int empty_bounding_set(void) {
    for (unsigned long capability = 0;; capability++)
        if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0)
            return errno == EINVAL && capability > 0 ? 0 : -errno;
}

static int leave_root(uid_t id) {
    if (setgroups(0, NULL) < 0 || setresgid(id, id, id) < 0 || setresuid(id, id, id) < 0)
        return -errno;
    return 0;
}

static int empty_capability_sets(void) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3], none[_LINUX_CAPABILITY_U32S_3];
    memset(none, 0, sizeof(none));
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL)
        return -errno;
    if (syscall(SYS_capset, &header, none) < 0 || syscall(SYS_capget, &header, data) < 0)
        return -errno;
    return memcmp(data, none, sizeof(none)) == 0 ? 0 : -EPERM;
}

static int forbid_more(void) {
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        return -errno;
    return 0;
}

/* After the change of uid, which clears the signal. */
static int die_with_parent(pid_t parent) {
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
        return -errno;
    return getppid() == parent ? 0 : -ESRCH;
}

static int check_ids(uid_t id) {
    uid_t real, effective, saved;
    if (getresuid(&real, &effective, &saved) < 0)
        return -errno;
    bool is_id = real == id && effective == id && saved == id;
    return is_id && setuid(0) < 0 ? 0 : -EPERM;
}

/* A root without these (docker run --cap-drop=ALL) can become nobody else, or the monitor, which
 * has the same, could not stop it then; without capabilities it is an owner of files, no more. */
static bool may_leave_root(void) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
    const uint32_t needed =
        1u << CAP_SETUID | 1u << CAP_SETGID | 1u << CAP_SETPCAP | 1u << CAP_KILL;
    return geteuid() == 0 && syscall(SYS_capget, &header, data) == 0 &&
           (data[0].effective & needed) == needed;
}

int privileges_drop(uid_t id, const char **ret_step) {
    pid_t parent = getppid();
    const char *step = "bounding set";
    int r = 0;
    if (may_leave_root()) {
        r = id > 0 ? empty_bounding_set() : -EINVAL;
        if (r == 0) {
            step = "uid";
            r = leave_root(id);
        }
        if (r == 0)
            r = check_ids(id);
    }
    if (r == 0) {
        step = "capabilities";
        r = empty_capability_sets();
    }
    if (r == 0) {
        step = "no_new_privs";
        r = forbid_more();
    }
    if (r == 0) {
        step = "parent";
        r = die_with_parent(parent);
    }
    if (r < 0)
        *ret_step = step;
    return r;
}
