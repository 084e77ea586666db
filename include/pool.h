/*
 * pool: the slots of the sandbox and the workers on them: has them made ahead of need, hands each
 * out once, has them ended, and takes a slot for free only when the zygote said that nothing of its
 * worker is left. Knows nothing of scripts.
 *
 * A claim is one need of a worker. Its protocol:
 *   1. fill in calls and context, the rest zero; pool_claim.
 *   2. on_worker (perhaps before pool_claim returns): claim->worker is the claimant's to talk to.
 *      Its channel is watched for EPOLLIN already: set worker->files[WORKER_CHANNEL].fn and
 *      .context. Or on_failed, and the claim is over.
 *   3. pool_kill when it shall end, any time after on_worker.
 *   4. on_ended: no process of the worker runs any more, what it wrote can still be read during
 * this call; after it the pool closes the descriptors and the claim is over. pool_unclaim ends the
 * claim at any point, without a further call. No call blocks.
 */
#ifndef POOL_H
#define POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "histogram.h"
#include "loop.h"
#include "protocol.h"

struct config;
struct pool;
struct pool_claim;

enum worker_file { WORKER_CHANNEL, WORKER_STDOUT, WORKER_STDERR, WORKER_FILES };
enum worker_state {
    WORKER_FREE,     /* an empty slot */
    WORKER_STARTING, /* spawned, not yet FRAME_READY */
    WORKER_READY,    /* waits for a claim */
    WORKER_TAKEN,    /* belongs to a claim */
    WORKER_DYING,    /* nobody's; until ZYGOTE_ENDED */
};

struct worker {
    int descriptors[WORKER_FILES]; /* the server's ends; the pool's to close. Read and written
                                      without blocking: pipes are O_NONBLOCK, the channel wants
                                      MSG_DONTWAIT */
    struct loop_file files[WORKER_FILES]; /* unwatched by the pool before it closes them */
    struct stage_trace trace;             /* with --trace: how long its start took */
    /* The rest is the pool's. */
    struct pool_zygote *zygote;
    struct pool_claim *claim;
    struct loop_timer timer; /* while it starts or dies */
    enum worker_state state;
    bool killed;
    bool has_library_pages; /* or soon will: it was sent FRAME_IDLE */
    bool unusable;          /* its slot, as long as this zygote lives */
    int64_t spawned_us;
    uint64_t run;
    unsigned slot, greeting_size;
    char greeting[2 * sizeof(struct frame_header) + sizeof(struct stage_trace) +
                  sizeof(struct setup_failure)];
};

struct pool_claim_calls {
    void (*on_worker)(void *context, struct worker *worker);
    /* No worker could be made: the stage that failed; STAGE_COUNT: not known. */
    void (*on_failed)(void *context, unsigned stage);
    /* The answer to pool_limit. error: errno, positive; 0: the limit holds. */
    void (*on_limited)(void *context, int error);
    /* event: how it ended; NULL: the zygote is gone, and its workers with it. */
    void (*on_ended)(void *context, const struct zygote_event *event);
};

struct pool_claim {
    const struct pool_claim_calls *calls;
    void *context;
    struct worker *worker; /* from on_worker to on_ended */
    /* The rest is the pool's. */
    bool waiting;
    struct pool_claim *next, *previous;
};

/* Since pool_new. */
struct pool_counts {
    struct histogram start_us; /* from a worker's spawn until it waits for a script */
    uint64_t zygote_restarts;  /* lost while it made workers, or before it could */
    uint64_t zygote_renewals;  /* replaced as planned */
};

/* Called when pool_is_up has changed. */
typedef void pool_change_fn(void *context);

/* 0 or -errno. The pool has no zygote yet. */
int pool_new(struct loop *loop, const struct config *config, struct pool **ret_pool);
/* All claims must be over. */
void pool_free(struct pool *pool);
void pool_on_change(struct pool *pool, pool_change_fn *fn, void *context);

/* The channel of a new zygote. Once it has said ZYGOTE_UP it takes over: the one before makes no
 * more workers, and is let go when its last run has ended. 0 or -errno (channel closed). */
int pool_zygote_take(struct pool *pool, int channel);

/* Called when the zygote has made so many runs or lives so long (the settings) that it should be
 * replaced; once a zygote. */
void pool_on_renewal(struct pool *pool, pool_change_fn *fn, void *context);

/* Called when a zygote has said nothing for too long: it does not take the end of its channel for
 * an end, so somebody must kill it. That is then noticed by the channel. replaced: it is one before
 * the zygote that came or was asked for last. */
typedef void pool_hung_fn(void *context, bool replaced);
void pool_on_hung(struct pool *pool, pool_hung_fn *fn, void *context);

/* A zygote is there and has said ZYGOTE_UP. */
bool pool_is_up(const struct pool *pool);
/* What the present zygote has prepared; NULL without one. Valid until the loop goes on. */
const struct zygote_report *pool_report(const struct pool *pool);
unsigned pool_ready_count(const struct pool *pool);
/* Valid as long as the pool. */
const struct pool_counts *pool_counts(const struct pool *pool);

void pool_claim(struct pool *pool, struct pool_claim *claim);
void pool_unclaim(struct pool *pool, struct pool_claim *claim);
void pool_kill(struct pool *pool, struct pool_claim *claim);
/* The zygote has not answered what concerns the claim's worker in time: it may hang. */
void pool_doubt(struct pool *pool, struct pool_claim *claim);
/* Lowers the memory limit of the claim's worker; on_limited follows, or on_ended. */
void pool_limit(struct pool *pool, struct pool_claim *claim, uint64_t memory_bytes);

#endif
