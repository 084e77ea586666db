/*
 * keeper: what an init does where there is no pid namespace that dies with it: inherits what the
 * worker's processes leave behind (PR_SET_CHILD_SUBREAPER), and when the worker has ended, or the
 * zygote, kills all of it and clears the scratch space. kill(2), prctl(2). The init's side: raw
 * system calls only, no errno.
 */
#ifndef KEEPER_H
#define KEEPER_H

struct slot;

/* Before the worker is made: its orphans will come to this process, and the zygote's death will
 * wake it instead of ending it. */
void keeper_begin(void);

/* Waits for the worker (a pid; or -errno: there is none), then ends and clears everything. */
void keeper_end(struct slot *slot, long worker);

/* Ends what a keeper that was killed has kept; only with a uid of the slot's own. Marks the slot
 * dirty if it cannot. */
void keeper_end_strays(struct slot *slot);

/* The zygote sends this to an init that shall end its run, and has it blocked. */
#define KEEPER_END_SIGNAL SIGUSR1

#endif
