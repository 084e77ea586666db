/* mounts_worker: the worker's part of a private root: its scratch space and its /proc. No
 * allocation. */
#include <errno.h>
#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>

#include "mounts.h"

int mounts_scratch_options(uid_t uid, unsigned long long size, char *ret_text, size_t text_size) {
    int n = snprintf(ret_text, text_size, "mode=700,uid=%u,gid=%u,size=%llu,nr_inodes=4096", uid,
                     uid, size);
    return n < 0 || (size_t)n >= text_size ? -ENAMETOOLONG : 0;
}

int mounts_proc(enum plan_proc proc) {
    /* With subset=pid only processes, and with hidepid only one's own: init and what the kernel
     * tells of the host stay out of sight. proc(5). Older kernels have no subset. */
    const char *options = proc == PROC_SUBSET ? "subset=pid,hidepid=2" : "hidepid=2";
    if (proc != PROC_SUBSET && proc != PROC_FRESH)
        return 0;
    unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
    return mount("proc", "/proc", "proc", flags, options) < 0 ? -errno : 0;
}

int mounts_enter(const char *scratch_options, enum plan_proc proc) {
    if (mount("scratch", SANDBOX_SCRATCH, "tmpfs", MS_NOSUID | MS_NODEV, scratch_options) < 0)
        return -errno;
    return mounts_proc(proc);
}
