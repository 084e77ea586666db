/*
 * cgroup: a cgroup for each slot, version 1 (memory, pids, cpu hierarchies) or 2, made once and
 * used again. cgroups(7), Documentation/admin-guide/cgroup-v1/memory.rst, cgroup-v2.rst.
 *
 * A tree is valid after cgroup_tree_create; version 0 means that there is none here. Everything is
 * held by descriptors, so that it works after the root was changed. cgroup_slot_join is for the
 * worker's side: writes only.
 */
#ifndef CGROUP_H
#define CGROUP_H

#include <stdbool.h>
#include <stdint.h>

enum cgroup_kind { CGROUP_MEMORY, CGROUP_PIDS, CGROUP_CPU, CGROUP_KINDS };

struct cgroup_tree {
    int version;                  /* 0: none, 1, 2 */
    char name[48];                /* of our directory below our own cgroup */
    int parent_fds[CGROUP_KINDS]; /* own cgroup, O_PATH; v2 uses the first only; -1: none */
    int fds[CGROUP_KINDS];        /* our directory */
};
#define CGROUP_TREE_NONE                                                                           \
    (struct cgroup_tree) {                                                                         \
        .parent_fds = {-1, -1, -1}, .fds = { -1, -1, -1 }                                          \
    }

struct cgroup_limits {
    uint64_t memory_bytes; /* swap included */
    uint64_t processes;
    unsigned cpu_percent; /* of one processor */
};

struct cgroup_slot {
    int procs_fds[CGROUP_KINDS]; /* to join by, for writing; -1: none */
    int directory_fd;            /* where its cgroup.procs is; -1: none */
    int kill_fd;                 /* version 2's cgroup.kill, since 5.14; -1: none */
    int limit_fd;                /* of memory, to set it anew; -1: no cgroup */
    int swap_limit_fd;           /* version 1: of memory and swap; -1 where the kernel has none */
    int events_fd;               /* the file that counts oom_kill */
    int peak_fd;                 /* -1 where the kernel has none */
    uint64_t oom_kills;          /* seen so far */
};

struct cgroup_usage {
    bool out_of_memory;  /* something was killed since the last look */
    uint64_t peak_bytes; /* 0: not known */
};

/* Makes our directory (name) below the calling process's own cgroup, sweeping a left-over one of
 * that name. With version 2 this may move the processes of our own cgroup into a leaf "main" beside
 * it, since inner cgroups hold none. No cgroup that can be written is no error: version 0. 0;
 * -EAGAIN: another zygote has the directory, also after 2 s, and the tree is none. */
int cgroup_tree_create(struct cgroup_tree *ret_tree, const char *name);

/* Removes what instances have left that were killed. To be called again when their last processes
 * have had time to go: a zygote follows at once on one that was killed. */
void cgroup_tree_sweep(const struct cgroup_tree *tree);

/* Removes what is empty and closes everything. */
void cgroup_tree_remove(struct cgroup_tree *tree, unsigned slots);

/* Makes a slot's cgroup and sets its limits; with a tree of version 0 a slot without one. 0 or
 * -errno. */
int cgroup_slot_create(const struct cgroup_tree *tree, unsigned index,
                       const struct cgroup_limits *limits, struct cgroup_slot *ret_slot);

/* Closes its descriptors; the cgroup stays. */
void cgroup_slot_close(struct cgroup_slot *slot);

/* Puts the calling process into the slot's cgroup. 0 or -errno. */
int cgroup_slot_join(const struct cgroup_slot *slot);

/* Sets the memory limit anew. lower: it is below the present one (the order of writing follows from
 * that). Version 0: nothing to do. 0 or -errno: then the limit is either one. */
int cgroup_slot_limit(const struct cgroup_slot *slot, uint64_t memory_bytes, bool lower);

/* Sends SIGKILL to every process in the slot's cgroup, and to those that they had made meanwhile.
 * When it returns 0 none of them runs any code of its own again (though they may not be gone).
 * -ENOSYS without a cgroup, -EAGAIN if they kept changing, -E2BIG if they are too many to list,
 * -errno. */
int cgroup_slot_kill(const struct cgroup_slot *slot);

/* What happened since the last call; counts are read as differences. 0 or -errno. */
int cgroup_slot_usage(struct cgroup_slot *slot, struct cgroup_usage *ret_usage);

/* Write the limits into the files of a slot's directory or directories. 0 or -errno. For
 * cgroup_slot.c and its test. */
int cgroup_v2_write_limits(int dir, const struct cgroup_limits *limits);
int cgroup_v1_write_limits(const int dirs[CGROUP_KINDS], const struct cgroup_limits *limits);

#endif
