/* mounts_worker: the worker's part of the file system: its scratch space and its /proc. No
 * allocation. */
#include <errno.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mounts.h"

int mounts_scratch_options(uid_t uid, unsigned long long size, char *ret_text, size_t text_size) {
    int n = snprintf(ret_text, text_size, "mode=700,uid=%u,gid=%u,size=%llu,nr_inodes=4096", uid,
                     uid, size);
    return n < 0 || (size_t)n >= text_size ? -ENAMETOOLONG : 0;
}

int mounts_enter(const char *scratch_options) {
    if (mount("scratch", SANDBOX_SCRATCH, "tmpfs", MS_NOSUID | MS_NODEV, scratch_options) < 0)
        return -errno;
    /* Only processes, and only one's own: init and what the kernel tells of the host stay out of
     * sight. proc(5). */
    unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
    if (mount("proc", "/proc", "proc", flags, "subset=pid,hidepid=2") < 0)
        return -errno;
    return 0;
}

int mounts_furnish(const char *font_list) {
    static const char *const directories[] = {SANDBOX_WORK, SANDBOX_SCRATCH "/tmp",
                                              SANDBOX_SCRATCH "/shm", SANDBOX_HOME};
    for (unsigned i = 0; i < sizeof(directories) / sizeof(directories[0]); i++)
        if (mkdir(directories[i], 0700) < 0)
            return -errno;
    if (chdir(SANDBOX_HOME) < 0)
        return -errno;
    /* matplotlib wants a directory that it can write, and would build the list anew in an empty
     * one. */
    if (*font_list) {
        char target[sizeof(SANDBOX_FONT_CACHE) + 64];
        int n = snprintf(target, sizeof(target), "%s/%s", SANDBOX_FONT_CACHE, font_list);
        if (n < 0 || (size_t)n >= sizeof(target) || symlink(target, font_list) < 0)
            return -ENAMETOOLONG;
    }
    return chdir(SANDBOX_WORK) < 0 ? -errno : 0;
}
