/*
 * init: the first process of a worker: starts it, reaps what it leaves, and ends it with all that
 * it has made; in a pid namespace, of which it is the first process too, the kernel does the latter
 * (pid_namespaces(7)), else keeper.c. It shares the zygote's memory (CLONE_VM) on a small stack, so
 * that only the worker itself is a full fork: so it may use raw system calls only, must not touch
 * errno, and never joins the slot's cgroup.
 */
#ifndef INIT_H
#define INIT_H

#include "slot.h"

/* Starts init and worker on the slot. Returns the init's pid, or -errno. Called by the zygote; does
 * not block. */
pid_t init_start(struct slot *slot);

/* When nothing of a run lives any more, whose scratch space outlives it and whose init could not
 * clear it, or when its keeper was killed: starts a process that does, in the init's place. Its pid
 * or -errno. */
pid_t init_clear(struct slot *slot);
bool init_needs_clear(const struct slot *slot);

/* Has everything on the slot ended: the init leaves when nothing of it lives. Does not block. */
void init_kill(const struct slot *slot);

#endif
