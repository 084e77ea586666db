/*
 * mounts: the file system that scripts see. mounts_prepare builds it once, in the zygote, which
 * from then on lives in it; a worker copies it with its mount namespace and adds its own scratch
 * space and /proc. mount(2), pivot_root(2), mount_namespaces(7).
 *
 *   /usr, /etc (few entries), /bin, /lib ...   read-only
 *   /dev                                       null zero full random urandom
 *   /sandbox                                   a tmpfs of the worker: work (the working directory),
 * tmp, shm, home /tmp, /dev/shm                             links to /sandbox/tmp, /sandbox/shm
 */
#ifndef MOUNTS_H
#define MOUNTS_H

#include <sys/types.h>

#include "plan.h"

/* In the private root: */
#define SANDBOX_SCRATCH "/sandbox"
#define SANDBOX_HARNESS "/run/harness"        /* read-only: the harness, compiled */
#define SANDBOX_FONT_CACHE "/var/cache/fonts" /* read-only: matplotlib's font list */

/* Gives the calling process a mount namespace of its own and a new root in it. first_uid ..
 * first_uid + uids - 1 get the user name "sandbox" in /etc/passwd. The root is still writable, for
 * what must be prepared in it. 0 or -errno, with what failed in *ret_what (static storage). */
int mounts_prepare(uid_t first_uid, unsigned uids, const char **ret_what);

/* Makes the root read-only. 0 or -errno. */
int mounts_seal(void);

/* Worker's side, in a mount namespace copied from the prepared one: scratch space, with the mount
 * options given (see mounts_scratch_options), and a /proc of the calling process's pid namespace
 * where the plan has one. 0 or -errno. */
int mounts_enter(const char *scratch_options, enum plan_proc proc);

/* Its second part. 0 or -errno. */
int mounts_proc(enum plan_proc proc);

/* tmpfs options of a slot's scratch space. size in bytes. */
int mounts_scratch_options(uid_t uid, unsigned long long size, char *ret_text, size_t text_size);

#endif
