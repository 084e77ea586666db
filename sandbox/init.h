/*
 * init: the first process of a worker's pid namespace: starts the worker, reaps what it leaves, and
 * ends the namespace with it. pid_namespaces(7). It shares the zygote's memory (CLONE_VM) on a
 * small stack, so that only the worker itself is a full fork: so it may use raw system calls only,
 * must not touch errno, and never joins the slot's cgroup.
 */
#ifndef INIT_H
#define INIT_H

#include "slot.h"

/* Starts init and worker on the slot. Returns the init's pid, or -errno. Called by the zygote; does
 * not block. */
pid_t init_start(struct slot *slot);

#endif
