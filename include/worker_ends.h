/*
 * worker_ends: the three descriptor pairs between the server and one worker. socketpair(2),
 * pipe2(2).
 */
#ifndef WORKER_ENDS_H
#define WORKER_ENDS_H

#include "pool.h"

/* Makes channel, stdout and stderr, in the order of enum worker_file; all close-on-exec, the
 * server's pipe ends non-blocking. 0, or -errno with nothing open. */
int worker_ends_open(int ret_server[WORKER_FILES], int ret_worker[WORKER_FILES]);

#endif
