/*
 * sandbox: everything that the zygote prepares once and each worker only uses: it is not changed
 * after sandbox_prepare, but for the slots' state.
 */
#ifndef SANDBOX_H
#define SANDBOX_H

#include "cgroup.h"
#include "config.h"
#include "fork_state.h"
#include "hot_pages.h"
#include "seccomp_program.h"
#include "slot.h"

struct sandbox {
    const struct config *config;
    int landlock_abi; /* 0: the kernel has none */
    struct cgroup_tree cgroups;
    struct seccomp_program filter;
    char font_list[64];     /* name of matplotlib's font list in SANDBOX_FONT_CACHE */
    char output_limit[64];  /* "NAME=bytes" for the harness's environment */
    void *worker_stack_top; /* every worker has its own copy of this memory */
    int lifeline[2];        /* pipe: end of file at its reading end means that the zygote is gone */
    int proc_fd, proc_self_fd; /* /proc and /proc/self of the zygote: the new root has none */
    struct hot_pages hot_pages;
    struct fork_state fork_state; /* of the loaded interpreter */
    unsigned slot_count;
    struct slot *slots;
};

/* The uid of slot 0; the server has the one before all zygotes'. */
uid_t sandbox_first_uid(const struct config *config);

/* Prepares everything in the calling process, which from then on lives in the sandbox's root and in
 * an empty network namespace. On failure a line that says what is missing is in error. 0 or -errno.
 * Takes a second or two: runs python3. */
int sandbox_prepare(struct sandbox *sandbox, const struct config *config, char *error,
                    size_t error_size);

/* Removes what outlives the process: the cgroups. */
void sandbox_remove(struct sandbox *sandbox);

#endif
