/*
 * identity: a process gives up root for good: bounding set, groups, gid, uid, capabilities.
 * capabilities(7), setresuid(2). Raw system calls only (libc's wrappers would tell other threads),
 * no allocation: for the worker's side.
 */
#ifndef IDENTITY_H
#define IDENTITY_H

#include <sys/types.h>

struct plan;

/* Becomes uid (and the gid of the same number), without groups, where the plan has a unique uid;
 * then with every capability set empty, undumpable, and to be killed when its parent dies. Fails
 * closed: what the kernel says afterwards is checked. 0 or -errno. */
int identity_drop(uid_t uid, const struct plan *plan);

/* Its parts, for plan_probe.c to try and for those that need one alone. 0 or -errno. */
int identity_empty_bounding_set(void);
int identity_change(uid_t uid);

#endif
