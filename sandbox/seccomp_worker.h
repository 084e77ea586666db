/*
 * seccomp_worker: writes the worker's part of the policy (seccomp_program.h). By hand, since each
 * worker has the kernel check and translate it anew: a tenth of what libseccomp makes of the whole.
 * Must not know what any rule is for.
 */
#ifndef SECCOMP_WORKER_H
#define SECCOMP_WORKER_H

#include "seccomp_program.h"

/* As seccomp_compile_worker. */
int seccomp_worker_write(const struct seccomp_options *options,
                         struct seccomp_program *ret_program);

#endif
