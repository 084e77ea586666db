/*
 * reach: which paths a worker reaches, as Landlock's lists: all of its private root, or the few
 * places of a shared one that scripts need. The worker's side: no allocation.
 */
#ifndef REACH_H
#define REACH_H

struct slot;

/* Restricts the calling process, which is the slot's worker. 0 or -errno. */
int reach_restrict(const struct slot *slot);

#endif
