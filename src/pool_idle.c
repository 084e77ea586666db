/*
 * pool_idle: what is done while it is quiet: the worker that is handed out next is told so, and
 * makes the pages its own that scripts with libraries write to (sandbox/hot_pages.h). One of them
 * at a time, for its memory; where requests follow each other quickly, none, for its time. A worker
 * leaves that work as soon as its script comes.
 */
#include <sys/socket.h>

#include "pool_state.h"

/* Where a request comes more often than that, those who come next would pay for it: the pages take
 * some 7 ms of a processor to copy, and one to give back. */
#define QUIET_US 25000LL

/* What is made ahead is there, and a processor has nothing of ours to do. */
static bool has_time(const struct pool *pool) {
    return pool->starting == 0 && pool->waiting == 0 &&
           pool->current->busy - pool->ready < pool->processors;
}

static void look(void *context) {
    const struct frame_header idle = {.type = FRAME_IDLE};
    struct pool *pool = context;
    struct worker *next = pool_next_ready(pool);
    if (!next || pool->first_ready)
        return;
    int64_t left_us = pool->last_claim_us + QUIET_US - loop_now_us();
    if (left_us > 0 || !has_time(pool)) {
        loop_timer_start(pool->loop, &pool->idle_timer, left_us > 0 ? left_us : QUIET_US, look,
                         pool);
        return;
    }
    /* Should it fail, the worker has ended, which is about to be noticed. */
    if (send(next->descriptors[WORKER_CHANNEL], &idle, sizeof(idle), MSG_DONTWAIT | MSG_NOSIGNAL) !=
        sizeof(idle))
        return;
    next->has_library_pages = true;
    pool->first_ready = next;
}

void pool_idle_later(struct pool *pool) {
    if (pool->current && pool->current->report.library_bytes > 0 && !pool->idle_timer.running)
        loop_timer_start(pool->loop, &pool->idle_timer, QUIET_US, look, pool);
}
