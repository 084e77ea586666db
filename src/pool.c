/*
 * pool: who waits for a worker. Workers that start are alike: the first that is ready serves the
 * claim that waits longest.
 */
#include "pool.h"

#include <errno.h>
#include <stdlib.h>

#include "config.h"
#include "pool_state.h"

#define SECOND_US 1000000LL
#define UP_US (600 * SECOND_US) /* more than importing takes on any machine */
#define END_US (15 * SECOND_US)
#define PONG_US (5 * SECOND_US)

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

int pool_new(struct loop *loop, const struct config *config, struct pool **ret_pool) {
    struct pool *pool = calloc(1, sizeof(*pool));
    if (!pool)
        return -ENOMEM;
    pool->loop = loop;
    pool->ahead = (unsigned)config->pool;
    pool->slots = config_total_slots(config);
    pool->processors = config_processors();
    pool->memory_bytes = config->memory_mb << 20;
    pool->retry_us = POOL_FIRST_RETRY_US;
    pool->up_us = UP_US;
    pool->end_us = END_US;
    pool->pong_us = PONG_US;
    pool->counts.start_us.scale = &histogram_us;
    pool->renew_runs = config->start == START_WARM ? config->renew_runs : 0;
    pool->renew_us =
        config->start == START_WARM ? (int64_t)config->renew_minutes * 60 * 1000000 : 0;
    for (int i = 0; i < 2; i++) {
        int r = pool_zygote_init(pool, &pool->zygotes[i]);
        if (r < 0) {
            pool_free(pool);
            return r;
        }
    }
    *ret_pool = pool;
    return 0;
}

void pool_free(struct pool *pool) {
    if (!pool)
        return;
    loop_timer_stop(pool->loop, &pool->refill_timer);
    loop_timer_stop(pool->loop, &pool->idle_timer);
    loop_timer_stop(pool->loop, &pool->retry_timer);
    loop_timer_stop(pool->loop, &pool->renewal_timer);
    for (int i = 0; i < 2; i++)
        pool_zygote_done(&pool->zygotes[i]);
    free(pool);
}

void pool_on_renewal(struct pool *pool, pool_change_fn *fn, void *context) {
    pool->renewal_fn = fn;
    pool->renewal_context = context;
}

void pool_on_hung(struct pool *pool, pool_hung_fn *fn, void *context) {
    pool->hung_fn = fn;
    pool->hung_context = context;
}

void pool_on_change(struct pool *pool, pool_change_fn *fn, void *context) {
    pool->change_fn = fn;
    pool->change_context = context;
}

bool pool_is_up(const struct pool *pool) {
    return pool->current != NULL;
}

const struct zygote_report *pool_report(const struct pool *pool) {
    return pool->current ? &pool->current->report : NULL;
}

unsigned pool_ready_count(const struct pool *pool) {
    return pool->ready;
}

const struct pool_counts *pool_counts(const struct pool *pool) {
    return &pool->counts;
}

struct worker *pool_next_ready(struct pool *pool) {
    if (pool->first_ready)
        return pool->first_ready;
    for (unsigned i = 0; pool->current && pool->ready > 0 && i < pool->slots; i++)
        if (pool->current->workers[i].state == WORKER_READY)
            return &pool->current->workers[i];
    return NULL;
}

void pool_claim(struct pool *pool, struct pool_claim *claim) {
    struct worker *worker = pool_next_ready(pool);
    if (worker) {
        pool_refill_later(pool);
        pool_worker_hand_over(worker, claim);
    } else {
        claim_append(pool, claim);
        pool_refill_soon(pool);
    }
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

void pool_doubt(struct pool *pool, struct pool_claim *claim) {
    (void)pool;
    if (claim->worker)
        pool_zygote_doubt(claim->worker->zygote);
}

void pool_limit(struct pool *pool, struct pool_claim *claim, uint64_t memory_bytes) {
    (void)pool;
    pool_worker_limit(claim->worker, memory_bytes);
}
