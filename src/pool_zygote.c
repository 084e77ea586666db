/*
 * pool_zygote: what the zygotes tell, which of them makes workers, when another one is asked for,
 * and when one is taken to hang. Knows nothing of how a worker is made.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "log.h"
#include "pool_state.h"

static void worker_ended(struct worker *worker, const struct zygote_event *event) {
    /* Why it could not start may still lie in the channel. */
    if (worker->state == WORKER_STARTING && !(event->flags & ENDED_NOT_STARTED))
        pool_worker_read_greeting(worker);
    struct pool *pool = worker->zygote->pool;
    struct pool_claim *claim = worker->claim;
    if ((event->flags & ENDED_NOT_STARTED) && event->error == ENOTEMPTY) {
        /* Something is left there, for good. Others may do; another zygote has new ones. */
        log_line(LOG_WARNING, "a slot cannot be used any more");
        worker->unusable = true;
        if (worker->zygote == pool->current)
            pool_renew(pool);
    }
    switch (worker->state) {
    case WORKER_STARTING:
    case WORKER_READY:
        pool_worker_free(worker);
        if (worker->unusable)
            break;
        if (event->flags & ENDED_NOT_STARTED)
            pool_start_failed(pool, (unsigned)event->stage, event->error);
        else
            pool_start_failed(pool, STAGE_COUNT, 0);
        break;
    case WORKER_TAKEN:
        claim->calls->on_ended(claim->context, event);
        pool_worker_free(worker);
        break;
    default:
        pool_worker_free(worker);
    }
}

/* Over for its claim; its slot is free when it has ended. */
static void worker_killed(struct worker *worker, const struct zygote_event *event) {
    struct pool_claim *claim = worker->claim;
    struct pool *pool = worker->zygote->pool;
    claim->calls->on_ended(claim->context, event);
    pool_worker_abandon(worker);
    pool_refill_soon(pool);
}

static void tell_change(struct pool *pool) {
    if (pool->change_fn)
        pool->change_fn(pool->change_context);
}

static struct pool_zygote *other_zygote(struct pool *pool) {
    return &pool->zygotes[pool->current == &pool->zygotes[0]];
}

void pool_renew(struct pool *pool) {
    if (pool->renewal_asked || !pool->renewal_fn)
        return;
    /* Not while the one before still sees its last runs end: there is no third place. */
    pool->renewal_wanted = other_zygote(pool)->link.file.watched;
    if (pool->renewal_wanted)
        return;
    pool->renewal_asked = true;
    pool->renewal_fn(pool->renewal_context);
}

/* There may be a place now. */
static void renew_if_wanted(struct pool *pool) {
    if (pool->renewal_wanted)
        pool_renew(pool);
}

static void on_old_age(void *context) {
    pool_renew(context);
}

void pool_zygote_retire(struct pool_zygote *zygote) {
    if (zygote != zygote->pool->current && zygote->up && zygote->busy == 0) {
        zygote->up = false;
        loop_timer_stop(zygote->pool->loop, &zygote->hung_timer);
        zygote_link_close(&zygote->link);
        renew_if_wanted(zygote->pool);
    }
}

static void hung(void *context) {
    struct pool_zygote *zygote = context;
    struct pool *pool = zygote->pool;
    bool newest = !zygote->up || (pool->current == zygote && !pool->renewal_asked);
    if (pool->hung_fn)
        pool->hung_fn(pool->hung_context, !newest);
}

void pool_zygote_doubt(struct pool_zygote *zygote) {
    const struct zygote_command command = {.type = ZYGOTE_PING};
    if (!zygote->link.file.watched || zygote->hung_timer.running)
        return;
    loop_timer_start(zygote->pool->loop, &zygote->hung_timer, zygote->pool->pong_us, hung, zygote);
    /* Should it fail, the channel is broken and its end is about to be noticed. */
    zygote_link_send_take(&zygote->link, &command, NULL);
}

#define LIST_SIZE (LAYER_COUNT * (LAYER_NAME_SIZE + 2))

static void list_layers(uint32_t layers, char ret_text[LIST_SIZE]) {
    char name[LAYER_NAME_SIZE];
    size_t size = 0;
    snprintf(ret_text, LIST_SIZE, "none");
    for (unsigned layer = 0; layer < LAYER_COUNT; layer++)
        if (layers & (UINT32_C(1) << layer)) {
            layer_name(layer, name, sizeof(name));
            size +=
                (size_t)snprintf(ret_text + size, LIST_SIZE - size, "%s%s", size ? ", " : "", name);
        }
}

/* What a zygote itself logs is only the first one's. */
static void compare_layers(struct pool *pool, uint32_t layers) {
    char lost[LIST_SIZE], new[LIST_SIZE];
    if (!pool->first_layers)
        pool->first_layers = layers;
    if (layers == pool->first_layers)
        return;
    list_layers(pool->first_layers & ~layers, lost);
    list_layers(layers & ~pool->first_layers, new);
    log_line(LOG_WARNING,
             "the layers of the sandbox are not those of the first zygote: lost: %s; new: %s", lost,
             new);
}

/* It makes the workers from now on. Those of the one before that nobody has are ended; its runs go
 * on. */
static void take_over(struct pool_zygote *zygote) {
    struct pool *pool = zygote->pool;
    struct pool_zygote *before = pool->current;
    zygote->up = true;
    zygote->runs = 0;
    pool->current = zygote;
    pool->renewal_asked = pool->renewal_wanted = false;
    pool->retry_us = POOL_FIRST_RETRY_US;
    pool->short_of_means = false;
    loop_timer_stop(pool->loop, &pool->retry_timer);
    if (pool->renew_us > 0)
        loop_timer_start(pool->loop, &pool->renewal_timer, pool->renew_us, on_old_age, pool);
    for (unsigned i = 0; before && i < pool->slots; i++)
        if (before->workers[i].state == WORKER_READY || before->workers[i].state == WORKER_STARTING)
            pool_worker_abandon(&before->workers[i]);
    if (before) {
        pool->counts.zygote_renewals++;
        pool_zygote_retire(before);
    }
    pool_refill_soon(pool);
    tell_change(pool);
}

static void on_event(void *context, const struct zygote_event *event) {
    struct pool_zygote *zygote = context;
    loop_timer_stop(zygote->pool->loop, &zygote->hung_timer);
    if (event->type == ZYGOTE_UP && !zygote->up) {
        zygote->report = event->report;
        compare_layers(zygote->pool, event->report.layers);
        take_over(zygote);
    }
    if ((event->type != ZYGOTE_ENDED && event->type != ZYGOTE_KILLED &&
         event->type != ZYGOTE_LIMITED) ||
        event->slot >= zygote->pool->slots)
        return;
    struct worker *worker = &zygote->workers[event->slot];
    if (worker->state == WORKER_FREE || worker->run != event->run)
        return;
    if (event->type == ZYGOTE_ENDED)
        worker_ended(worker, event);
    else if (worker->state == WORKER_TAKEN && event->type == ZYGOTE_LIMITED && !worker->killed)
        worker->claim->calls->on_limited(worker->claim->context, event->error);
    else if (worker->state == WORKER_TAKEN && event->type == ZYGOTE_KILLED && worker->killed)
        worker_killed(worker, event);
}

/* The workers that nobody has go first, so that no claim that a callback makes can get one. */
static void on_lost(void *context) {
    struct pool_zygote *zygote = context;
    struct pool *pool = zygote->pool;
    log_line(LOG_WARNING, "a zygote is gone");
    /* One that was replaced before is started by nobody again. */
    if (pool->current == zygote || !zygote->up)
        pool->counts.zygote_restarts++;
    zygote->up = false;
    loop_timer_stop(pool->loop, &zygote->hung_timer);
    if (pool->current == zygote) {
        pool->current = NULL;
        pool->renewal_wanted = false;
        loop_timer_stop(pool->loop, &pool->refill_timer);
        loop_timer_stop(pool->loop, &pool->renewal_timer);
    }
    for (unsigned i = 0; i < pool->slots; i++)
        if (zygote->workers[i].state != WORKER_FREE && zygote->workers[i].state != WORKER_TAKEN)
            pool_worker_free(&zygote->workers[i]);
    for (unsigned i = 0; i < pool->slots; i++) {
        struct worker *worker = &zygote->workers[i];
        struct pool_claim *claim = worker->claim;
        if (worker->state == WORKER_TAKEN)
            claim->calls->on_ended(claim->context, NULL);
        if (worker->state != WORKER_FREE)
            pool_worker_free(worker);
    }
    renew_if_wanted(pool);
    tell_change(pool);
}

static const struct zygote_link_calls link_calls = {.on_event = on_event, .on_lost = on_lost};

int pool_zygote_take(struct pool *pool, int channel) {
    struct pool_zygote *zygote = other_zygote(pool);
    /* Without a current one, both places may be; runs that still end somewhere are spared. */
    if (!pool->current && zygote->link.file.watched)
        zygote = &pool->zygotes[zygote == &pool->zygotes[0]];
    pool->renewal_asked = true;
    for (unsigned i = 0; i < pool->slots; i++)
        zygote->workers[i].unusable = false;
    int r = zygote_link_open_take(&zygote->link, channel);
    if (r == 0)
        loop_timer_start(pool->loop, &zygote->hung_timer, pool->up_us, hung, zygote);
    return r;
}

int pool_zygote_init(struct pool *pool, struct pool_zygote *zygote) {
    zygote->pool = pool;
    zygote->workers = calloc(pool->slots, sizeof(*zygote->workers));
    if (!zygote->workers)
        return -ENOMEM;
    for (unsigned i = 0; i < pool->slots; i++) {
        zygote->workers[i].zygote = zygote;
        zygote->workers[i].slot = i;
        for (int file = 0; file < WORKER_FILES; file++)
            zygote->workers[i].descriptors[file] = -1;
    }
    /* A spawn, a limit and a kill a slot is the most that can wait, and a ping. */
    return zygote_link_init(&zygote->link, pool->loop, (size_t)pool->slots * 3 + 1, &link_calls,
                            zygote);
}

void pool_zygote_done(struct pool_zygote *zygote) {
    loop_timer_stop(zygote->pool->loop, &zygote->hung_timer);
    for (unsigned i = 0; zygote->workers && i < zygote->pool->slots; i++)
        pool_worker_close(&zygote->workers[i]);
    if (zygote->link.pending)
        zygote_link_done(&zygote->link);
    free(zygote->workers);
}
