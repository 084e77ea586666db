/*
 * rlimits: the rlimits of a worker. setrlimit(2). The worker's side: one system call each, no
 * allocation.
 */
#ifndef RLIMITS_H
#define RLIMITS_H

#include "config.h"

/* Sets every limit, soft and hard, for the calling process. 0 or -errno. */
int rlimits_apply(const struct config *config);

#endif
