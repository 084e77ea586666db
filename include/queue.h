/*
 * queue: who runs, who waits, who is refused. First come, first served; at most config.slots run at
 * once, at most config.queue wait, none longer than config.queue_wait_s. Knows nothing of HTTP.
 */
#ifndef QUEUE_H
#define QUEUE_H

#include <stdbool.h>

#include "loop.h"
#include "outcome.h"
#include "pool.h"
#include "request.h"

struct config;
struct queue;
struct run_tap;
struct ticket; /* one request's place, from queue_submit to its answer */

/* The answer, exactly once a ticket unless it was cancelled. outcome stays the queue's, but what it
 * owns may be taken out of it. The ticket is gone when this is called. */
typedef void queue_answer_fn(void *context, struct outcome *outcome);

struct queue_state {
    bool accepting;     /* a request would be run or wait */
    const char *reason; /* if not: why; static storage */
    unsigned running, waiting, slots;
    unsigned pool_ready; /* workers that wait ahead of requests */
    const struct pool_counts *pool_counts;
    const struct zygote_report *report; /* of the sandbox; NULL while there is none */
};

/* 0 or -ENOMEM. The pool tells the queue of its changes from now on; config and pool must outlive
 * the queue. */
int queue_new(struct loop *loop, struct pool *pool, const struct config *config,
              struct queue **ret_queue);
/* Ends what runs and drops what waits, without answers. */
void queue_free(struct queue *queue);

/* Takes what request owns. A refusal is answered before this returns: then *ret_ticket is NULL.
 * 0, or -ENOMEM (request untouched, no answer). */
int queue_submit(struct queue *queue, struct request *request, queue_answer_fn *fn, void *context,
                 struct ticket **ret_ticket);

/* tap, which must stay until the answer or queue_cancel, is told what the script prints. on_begun
 * is called at once if it has begun. */
void queue_set_tap(struct ticket *ticket, const struct run_tap *tap);
/* Output is wanted again after on_output said no. */
void queue_resume_output(struct ticket *ticket);

/* Nobody wants the answer any more: the script is ended. The ticket must not be used again. */
void queue_cancel(struct ticket *ticket);

/* Refuses what waits and what is submitted from now on: another instance has room at once, and here
 * no run is begun that the end would cut off. */
void queue_drain(struct queue *queue);
/* The same, and ends what runs; answers follow. */
void queue_end(struct queue *queue);

/* Memory that requests hold which wait, or are kept for their workers. */
size_t queue_held_bytes(const struct queue *queue);

/* Has those freed that their workers have read. */
void queue_reclaim(struct queue *queue);

/* When somebody who is refused now is likely to find room: an estimate, at least 1. */
unsigned queue_retry_after_s(const struct queue *queue);

struct queue_state queue_state(const struct queue *queue);

#endif
