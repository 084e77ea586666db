/*
 * slot: a numbered place for one worker at a time, with a uid, a cgroup and namespaces that are
 * made once and used again, and the memory that its init runs on. Made and held by the zygote.
 */
#ifndef SLOT_H
#define SLOT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "cgroup.h"
#include "config.h"
#include "slot_namespaces.h"

struct sandbox;

#define INIT_STACK_BYTES (32 * 1024)

struct slot {
    const struct sandbox *sandbox;
    unsigned index;
    uid_t uid;
    struct slot_namespaces namespaces;
    struct cgroup_slot cgroup;
    char scratch[64];         /* its scratch space, as the worker sees it */
    char scratch_options[96]; /* for mounts_enter */
    char variables[3][96];    /* of the script's environment: what depends on the scratch space */
    void *init_stack_top;     /* of a small stack of its own */

    /* While a worker is on it: */
    pid_t init;    /* 0: the slot is free */
    bool clearing; /* all that is left of the run is its scratch space */
    uint64_t run, cpu_us;
    uint64_t memory_bytes; /* its limit */
    bool ahead;            /* made before a script is there for it */
    int64_t spawned_us;    /* monotonic; for --trace */
    uint32_t
        ended_for; /* enum zygote_event_flags: the limits for which something of it was killed */
    uint64_t scratch_limit;             /* bytes; with ENDED_SCRATCH */
    uint64_t peak_bytes, watched_bytes; /* the most; at the watchdog's last look */
    int channel, stdout_fd,
        stderr_fd; /* the worker's ends; the zygote closes its copies after the fork */

    /* Written by the init, which shares this memory; read after it was reaped. */
    _Atomic bool status_known;
    int main_status;    /* wait status of the worker's main process */
    _Atomic bool dirty; /* what a run left could not be removed: never used again */
};

/* Memory for so many, zeros, with the stacks of their inits: one mapping, since each costs at every
 * fork, with a guard page below the lowest stack, and an end that can be looked at below each.
 * Apart from the heap: the zygote's loop writes there, and a page that is written makes forking its
 * whole mapping dear. 0 or -errno. */
int slots_reserve(unsigned count, struct slot **ret_slots);

/* Whether its init has kept to its stack. If not, another slot may be what was written to. */
bool slot_stack_is_whole(const struct slot *slot);

/* Makes slot number index, of reserved memory, as the sandbox's plan says: cgroup, namespaces. The
 * calling process is in these namespaces afterwards (slot_namespaces.h). 0 or -errno. */
int slot_create(struct slot *ret_slot, const struct sandbox *sandbox, unsigned index);

/* Sets the memory limit of what is on it, at most the service's. With a cgroup the kernel holds it
 * from now on, else the watchdog. 0, or -errno: then nothing may run on it until a call that
 * succeeds. */
int slot_limit_memory(struct slot *slot, uint64_t memory_bytes);

/* Its scratch space, once the root is prepared. 0 or -errno. */
int slot_make_scratch(struct slot *slot);

#endif
