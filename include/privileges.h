/*
 * privileges: gives up whatever rights a process was started with, for good.
 */
#ifndef PRIVILEGES_H
#define PRIVILEGES_H

#include <sys/types.h>

/* As root: no supplementary groups, gid and uid become id for good. Always: all capability sets
 * empty, no_new_privs, undumpable (so that nobody of the same uid reads its memory), dies with its
 * parent. Checks what came out. 0 or -errno with the step's name in *ret_step; a process for which
 * it failed must not go on. capabilities(7), prctl(2). */
int privileges_drop(uid_t id, const char **ret_step);

#endif
