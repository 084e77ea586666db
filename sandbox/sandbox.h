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
#include "places.h"
#include "plan.h"
#include "seccomp_program.h"
#include "slot.h"

struct sandbox {
    const struct config *config;
    struct plan plan;
    struct places places;
    struct cgroup_tree cgroups;
    struct seccomp_program zygote_filter, worker_filter; /* the policy's two parts */
    char font_list[64];     /* name of matplotlib's font list in places.fonts */
    char output_limit[64];  /* "NAME=bytes" for the harness's environment */
    void *worker_stack_top; /* every worker has its own copy of this memory */
    int lifeline[2];        /* pipe: end of file at its reading end means that the zygote is gone */
    int proc_fd, proc_self_fd; /* /proc and /proc/self of the zygote: the new root has none */
    struct hot_pages hot_pages, library_pages; /* of every script; of those with libraries */
    bool has_snapshot;
    bool is_patient; /* it can wait, and scripts need not: see urgency.h */
    bool rss_only;   /* the kernel does not tell private memory (gVisor): see watchdog.h */
    struct fork_state fork_state; /* of the loaded interpreter */
    uint64_t address_space_bytes; /* of a worker before its script, with its libraries */
    uint64_t image_bytes;         /* private memory that a worker has from what it is forked from */
    unsigned slot_count;
    struct slot *slots;
};

/* The uid of slot 0 where slots have their own; the server has the one before all zygotes'. Without
 * a right to others it is the name that the only one gets in a user namespace. */
uid_t sandbox_first_uid(const struct config *config);

/* The uid of a slot. */
uid_t sandbox_slot_uid(const struct sandbox *sandbox, unsigned index);

/* Where there is no pid namespace: that of its init while it ends a run. Nothing else has it. */
uid_t sandbox_keeper_uid(const struct sandbox *sandbox, unsigned index);

/* Prepares everything in the calling process, which from then on lives in the sandbox's root and in
 * an empty network namespace. On failure a line that says what is missing is in error. 0 or -errno.
 * Takes a second or two: runs python3. */
int sandbox_prepare(struct sandbox *sandbox, const struct config *config, char *error,
                    size_t error_size);

/* Removes what outlives the process: the cgroups. */
void sandbox_remove(struct sandbox *sandbox);

#endif
