/*
 * slot: a numbered place for one worker at a time, with a uid, a cgroup and an empty network
 * namespace that are made once and used again, and the memory that its init runs on. Made and held
 * by the zygote.
 */
#ifndef SLOT_H
#define SLOT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "cgroup.h"
#include "config.h"

struct sandbox;

struct slot {
    const struct sandbox *sandbox;
    unsigned index;
    uid_t uid;
    int network_fd; /* its network namespace */
    struct cgroup_slot cgroup;
    char scratch_options[96]; /* for mounts_enter */
    void *init_stack_top;     /* of a small stack of its own, with a guard page below */

    /* While a worker is on it: */
    pid_t init; /* 0: the slot is free */
    uint64_t run;
    bool ahead;         /* made before a script is there for it */
    int64_t spawned_us; /* monotonic; for --trace */
    bool out_of_memory; /* something of this run was killed for its memory */
    uint64_t peak_bytes;
    int channel, stdout_fd,
        stderr_fd; /* the worker's ends; the zygote closes its copies after the fork */

    /* Written by the init, which shares this memory; read after it was reaped. */
    _Atomic bool status_known;
    int main_status; /* wait status of the worker's main process */
};

/* Makes slot number index: cgroup, network namespace, stack. The network namespace of the calling
 * process is changed and must be set by the caller afterwards. 0 or -errno. */
int slot_create(struct slot *ret_slot, const struct sandbox *sandbox, unsigned index,
                const struct cgroup_tree *tree, const struct config *config);

#endif
