/*
 * pool_state: what the parts of pool share: pool.c (claims), pool_zygote.c (the zygotes),
 * pool_worker.c (a worker from spawn to slot), pool_idle.c (what to do while it is quiet). Private
 * to them.
 */
#ifndef POOL_STATE_H
#define POOL_STATE_H

#include "pool.h"
#include "zygote_link.h"

#define POOL_FIRST_RETRY_US (100 * 1000LL)

/* One zygote and the workers on its slots. At most two: one makes workers, the other starts up or
 * sees its last runs end. */
struct pool_zygote {
    struct pool *pool;
    struct zygote_link link;
    bool up;
    struct loop_timer hung_timer; /* runs while it owes a sign of life, and until it is up */
    unsigned busy;                /* workers that are not WORKER_FREE */
    uint64_t runs;                /* workers handed out */
    struct zygote_report report;
    struct worker *workers; /* one a slot */
};

struct pool {
    struct loop *loop;
    struct pool_zygote zygotes[2];
    struct pool_zygote *current; /* the one that makes workers; NULL: none */
    uint32_t first_layers;       /* that the first one reported; 0: none has come up yet */
    pool_change_fn *renewal_fn;
    void *renewal_context;
    pool_hung_fn *hung_fn;
    void *hung_context;
    struct loop_timer renewal_timer;
    uint64_t renew_runs; /* 0: never */
    int64_t renew_us;    /* 0: never */
    /* What a zygote may take; here so that a test need not wait as long. */
    int64_t up_us;   /* from its channel to ZYGOTE_UP */
    int64_t end_us;  /* from ZYGOTE_KILL to ZYGOTE_ENDED, before it is doubted */
    int64_t pong_us; /* to say anything at all, then */
    bool renewal_asked;
    bool renewal_wanted; /* to be asked for as soon as there is a place */
    pool_change_fn *change_fn;
    void *change_context;
    struct loop_timer refill_timer, retry_timer, idle_timer;
    int64_t last_claim_us;      /* when a worker was handed out last */
    struct worker *first_ready; /* has had FRAME_IDLE and goes before the others; NULL: none has */
    unsigned processors;
    uint64_t memory_bytes; /* the service's limit for a run */
    int64_t retry_us;      /* next pause after a start has failed */
    bool short_of_means;   /* none is started until retry_timer has fired */
    uint64_t last_run;
    struct pool_counts counts;
    unsigned ahead, slots, starting, ready, waiting;
    struct pool_claim *first, *last;
};

/* The place for a zygote, empty. 0 or -ENOMEM. */
int pool_zygote_init(struct pool *pool, struct pool_zygote *zygote);
void pool_zygote_done(struct pool_zygote *zygote);

/* The current zygote has done enough: asks for another, once, and not before there is a place. */
void pool_renew(struct pool *pool);
/* Lets a zygote go that is not the current one and has no workers any more. */
void pool_zygote_retire(struct pool_zygote *zygote);

/* It has not done in time what it was told: it is asked for a sign of life, and if none comes it
 * hangs. */
void pool_zygote_doubt(struct pool_zygote *zygote);

/* Takes it from those that wait; returns it. */
struct pool_claim *pool_claim_unlink(struct pool *pool, struct pool_claim *claim);

/* Makes workers until there are enough. Not at once: after what is in hand was answered, and so
 * that a claim that fails cannot recurse into the next. */
void pool_refill_soon(struct pool *pool);

/* When a run that has just begun is over, most likely: making a worker takes as
 * much of the machine as a short script does, and the one who waits comes first. */
void pool_refill_later(struct pool *pool);

/* The waiting worker that is handed out next; NULL: none waits. */
struct worker *pool_next_ready(struct pool *pool);

/* A worker waits, or was handed out: looks for what to do as soon as it has been quiet a while. */
void pool_idle_later(struct pool *pool);

/* A worker that nobody has yet is no good. A claim fails with it, unless others that start are
 * enough for all that wait. error: errno, positive, or 0. */
void pool_start_failed(struct pool *pool, unsigned stage, int error);

/* What a worker says before it has a script: exactly one frame. */
void pool_worker_read_greeting(struct worker *worker);
void pool_worker_hand_over(struct worker *worker, struct pool_claim *claim);
void pool_worker_kill(struct worker *worker);
void pool_worker_limit(struct worker *worker, uint64_t memory_bytes);
/* Nobody's any more: killed, its descriptors closed, its slot taken until it ended. */
void pool_worker_abandon(struct worker *worker);
/* Nothing of it is left: its slot is free. */
void pool_worker_free(struct worker *worker);
void pool_worker_close(struct worker *worker);

#endif
