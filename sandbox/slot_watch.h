/*
 * slot_watch: holds the runs to what the kernel does not hold them to by itself. With a cgroup: a
 * run that lost a process to its memory limit is ended as a whole. Without: memory, processes and
 * files are counted now and then (watchdog.h, places.h). For the zygote's loop: no allocation.
 */
#ifndef SLOT_WATCH_H
#define SLOT_WATCH_H

struct sandbox;
struct slot;

/* How long to wait at first until slot_watch, while a run lives, ms; -1: it is not needed. */
int slot_watch_first_ms(const struct sandbox *sandbox);

/* Looks at every run, and ends those that are over a limit. Returns how long to wait until the next
 * look, ms, from how long it was this time: longer while nothing moves, as when all runs wait for
 * their scripts. */
int slot_watch(struct sandbox *sandbox, int waited_ms);

/* Adds what happened in the slot's cgroup since the last look to what is known of its run. */
void slot_watch_look(struct slot *slot);

#endif
