/*
 * zygotes: those that the monitor has: the newest one, which makes workers as soon as it is up, and
 * those before it that see their last runs end. At most one for each range of uids. No call blocks.
 */
#ifndef ZYGOTES_H
#define ZYGOTES_H

#include <stdbool.h>

#include "child.h"

#define ZYGOTES_LEAVING_MS 5000 /* to end what runs, and remove cgroups and directories */

struct zygotes {
    const char *program;
    struct config *config;                        /* its generation counts */
    struct child newest;                          /* .pid 0: none */
    struct child replaced[CONFIG_UID_RANGES - 1]; /* .pid 0: a free place */
};

/* Starts the newest, of which there must be none, on a range of uids that none of the others has,
 * and passes its channel to the server by the socket control. 0 or -errno. */
int zygotes_start(struct zygotes *zygotes, int control);

/* The newest is a replaced one from now on, so that another one can be started. Those that were
 * replaced before must have no runs any more: they should be leaving. False, and nothing happens,
 * while there is no newest or no place. */
bool zygotes_replace(struct zygotes *zygotes);

/* If pid is one of them, it is no more. 1: it was the newest, 0: another, -ESRCH: none of them. */
int zygotes_ended(struct zygotes *zygotes, pid_t pid);

bool zygotes_any(const struct zygotes *zygotes);

/* All of them should leave by themselves; those that are there at that moment (child_now_ms) are
 * killed. */
void zygotes_end_by(struct zygotes *zygotes, int64_t at_ms);
/* The same, of those that were replaced. */
void zygotes_end_replaced_by(struct zygotes *zygotes, int64_t at_ms);

/* Those that were replaced, without delay. */
void zygotes_kill_replaced(struct zygotes *zygotes);

/* Kills what is to be killed by now. When it is to be called again (child_now_ms); INT64_MAX: never
 * as it is. */
int64_t zygotes_kill_due(struct zygotes *zygotes);

#endif
