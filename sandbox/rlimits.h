/*
 * rlimits: the rlimits of a worker. setrlimit(2). The worker's side: one system call each, no
 * allocation.
 */
#ifndef RLIMITS_H
#define RLIMITS_H

struct slot;

/* Sets every limit, soft and hard, for the calling process, which will be the slot's worker. 0 or
 * -errno. */
int rlimits_apply(const struct slot *slot);

/* Lets every process of the service go first, for good: whoever ends a bomb must come to run. Where
 * no cgroup shares the processors out. sched(7), SCHED_IDLE. 0 or -errno. */
int rlimits_yield(void);

/* Limits that stand behind others and that gVisor does not have (seccomp refuses what makes them
 * matter); -1 at the end. */
extern const int rlimits_optional[];

/* Whether the calling process, which is thrown away after that, can lower it. 0 or -errno. */
int rlimits_try(int resource);

#endif
