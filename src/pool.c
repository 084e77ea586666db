/*
 * pool: who waits for a worker, and what the zygote tells. Workers that start are alike: the first
 * that is ready serves the claim that waits longest.
 */
#include "pool.h"

#include <errno.h>
#include <stdlib.h>

#include "config.h"
#include "log.h"
#include "pool_state.h"

/* ---- claims ---- */

static void claim_append(struct pool *pool, struct pool_claim *claim) {
    claim->waiting = true;
    claim->next = NULL;
    claim->previous = pool->last;
    *(pool->last ? &pool->last->next : &pool->first) = claim;
    pool->last = claim;
    pool->waiting++;
}

struct pool_claim *pool_claim_unlink(struct pool *pool, struct pool_claim *claim) {
    *(claim->previous ? &claim->previous->next : &pool->first) = claim->next;
    *(claim->next ? &claim->next->previous : &pool->last) = claim->previous;
    claim->waiting = false;
    pool->waiting--;
    return claim;
}

/* ---- the zygote ---- */

static void worker_ended(struct worker *worker, const struct zygote_event *event) {
    /* Why it could not start may still lie in the channel. */
    if (worker->state == WORKER_STARTING && !(event->flags & ENDED_NOT_STARTED))
        pool_worker_read_greeting(worker);
    struct pool_claim *claim = worker->claim;
    switch (worker->state) {
    case WORKER_STARTING:
    case WORKER_READY:
        pool_worker_free(worker);
        if (event->flags & ENDED_NOT_STARTED)
            pool_start_failed(worker->pool, (unsigned)event->stage, event->error);
        else
            pool_start_failed(worker->pool, STAGE_COUNT, 0);
        break;
    case WORKER_TAKEN:
        claim->calls->on_ended(claim->context, event);
        pool_worker_free(worker);
        break;
    default:
        pool_worker_free(worker);
    }
}

static void on_event(void *context, const struct zygote_event *event) {
    struct pool *pool = context;
    if (event->type == ZYGOTE_UP && !pool->up) {
        pool->up = true;
        pool->retry_us = POOL_FIRST_RETRY_US;
        loop_timer_stop(pool->loop, &pool->retry_timer);
        pool_refill_soon(pool);
        if (pool->change_fn)
            pool->change_fn(pool->change_context);
    }
    if (event->type != ZYGOTE_ENDED || event->slot >= pool->slots)
        return;
    struct worker *worker = &pool->workers[event->slot];
    if (worker->state != WORKER_FREE && worker->run == event->run)
        worker_ended(worker, event);
}

/* The workers that nobody has go first, so that no claim that a callback makes can get one. */
static void on_lost(void *context) {
    struct pool *pool = context;
    log_line(LOG_WARNING, "the zygote is gone");
    pool->up = false;
    loop_timer_stop(pool->loop, &pool->refill_timer);
    for (unsigned i = 0; i < pool->slots; i++)
        if (pool->workers[i].state != WORKER_FREE && pool->workers[i].state != WORKER_TAKEN)
            pool_worker_free(&pool->workers[i]);
    for (unsigned i = 0; i < pool->slots; i++) {
        struct worker *worker = &pool->workers[i];
        struct pool_claim *claim = worker->claim;
        if (worker->state == WORKER_TAKEN)
            claim->calls->on_ended(claim->context, NULL);
        if (worker->state != WORKER_FREE)
            pool_worker_free(worker);
    }
    if (pool->change_fn)
        pool->change_fn(pool->change_context);
}

static const struct zygote_link_calls link_calls = {.on_event = on_event, .on_lost = on_lost};

int pool_zygote_take(struct pool *pool, int channel) {
    return zygote_link_open_take(&pool->link, channel);
}

/* ---- the interface ---- */

int pool_new(struct loop *loop, const struct config *config, struct pool **ret_pool) {
    unsigned slots = config_total_slots(config);
    struct pool *pool = calloc(1, sizeof(*pool) + slots * sizeof(pool->workers[0]));
    if (!pool)
        return -ENOMEM;
    pool->loop = loop;
    pool->ahead = (unsigned)config->pool;
    pool->slots = slots;
    pool->retry_us = POOL_FIRST_RETRY_US;
    for (unsigned i = 0; i < slots; i++) {
        pool->workers[i].pool = pool;
        pool->workers[i].slot = i;
        for (int file = 0; file < WORKER_FILES; file++)
            pool->workers[i].descriptors[file] = -1;
    }
    /* A spawn and a kill a slot is the most that can wait. */
    int r = zygote_link_init(&pool->link, loop, (size_t)slots * 2, &link_calls, pool);
    if (r < 0) {
        free(pool);
        return r;
    }
    *ret_pool = pool;
    return 0;
}

void pool_free(struct pool *pool) {
    if (!pool)
        return;
    for (unsigned i = 0; i < pool->slots; i++)
        pool_worker_close(&pool->workers[i]);
    loop_timer_stop(pool->loop, &pool->refill_timer);
    loop_timer_stop(pool->loop, &pool->retry_timer);
    zygote_link_done(&pool->link);
    free(pool);
}

void pool_on_change(struct pool *pool, pool_change_fn *fn, void *context) {
    pool->change_fn = fn;
    pool->change_context = context;
}

bool pool_is_up(const struct pool *pool) {
    return pool->up;
}

unsigned pool_ready_count(const struct pool *pool) {
    return pool->ready;
}

static struct worker *find_ready(struct pool *pool) {
    for (unsigned i = 0; pool->ready > 0 && i < pool->slots; i++)
        if (pool->workers[i].state == WORKER_READY)
            return &pool->workers[i];
    return NULL;
}

void pool_claim(struct pool *pool, struct pool_claim *claim) {
    struct worker *worker = find_ready(pool);
    pool_refill_soon(pool);
    if (worker)
        pool_worker_hand_over(worker, claim);
    else
        claim_append(pool, claim);
}

void pool_unclaim(struct pool *pool, struct pool_claim *claim) {
    struct worker *worker = claim->worker;
    if (claim->waiting)
        pool_claim_unlink(pool, claim);
    if (!worker)
        return;
    claim->worker = NULL;
    pool_worker_abandon(worker);
}

void pool_kill(struct pool *pool, struct pool_claim *claim) {
    (void)pool;
    if (claim->worker)
        pool_worker_kill(claim->worker);
}
