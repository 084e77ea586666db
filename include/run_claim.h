/*
 * run_claim: how a run comes by its worker, and by another one when one is gone before the
 * script began. Private to run*.c.
 */
#ifndef RUN_CLAIM_H
#define RUN_CLAIM_H

#include "run.h"

/* Claims a worker. longest_us: how long that may take; then the run is over. */
void run_claim(struct run *run, int64_t longest_us);

/* The worker has closed its channel and not read all of the request: so it cannot have begun the
 * script, since FRAME_RUN comes last. Only when it is over, and the verdict open. unix(7):
 * ECONNRESET. */
bool run_is_unread(const struct run *run);

/* The worker has said or printed something: it has begun, and no other one will need the request.
 */
void run_has_begun(struct run *run);

/* The worker was killed before the script began, which is not the script's fault: another one may
 * have it, from its first byte on. False if that was so too often already (as many as there can
 * be), or for too long, or if the worker has said something. */
bool run_begin_anew(struct run *run);

/* It could not be started, and the verdict stands. error: errno, positive. */
void run_broken(struct run *run, int error);

/* ---- of run.c ---- */

/* The verdict stands. What still runs has nothing to add: it is told to die at once. */
void run_settled(struct run *run);
/* Nothing of it lives any more: says how it went. The run may be freed by that. */
void run_finish(struct run *run);

#endif
