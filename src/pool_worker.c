/*
 * pool_worker: a worker from its spawn to its slot's being free again, and how many are made. Knows
 * nothing of what its claimant does with it.
 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "log.h"
#include "pool_state.h"
#include "worker_ends.h"

#define START_DEADLINE_US (10 * 1000000LL) /* from ZYGOTE_SPAWN to FRAME_READY */
#define REFILL_DELAY_US 3000LL
#define LAST_RETRY_US (5 * 1000000LL)

static void refill(void *context);

void pool_refill_soon(struct pool *pool) {
    if (pool->current)
        loop_timer_start(pool->loop, &pool->refill_timer, 0, refill, pool);
}

void pool_refill_later(struct pool *pool) {
    if (pool->current && !pool->refill_timer.running)
        loop_timer_start(pool->loop, &pool->refill_timer, REFILL_DELAY_US, refill, pool);
}

static void fail_first_claim(struct pool *pool, unsigned stage) {
    struct pool_claim *claim = pool_claim_unlink(pool, pool->first);
    claim->calls->on_failed(claim->context, stage);
}

static void set_state(struct worker *worker, enum worker_state state) {
    struct pool *pool = worker->zygote->pool;
    worker->zygote->busy -= worker->state != WORKER_FREE;
    worker->zygote->busy += state != WORKER_FREE;
    if (pool->first_ready == worker)
        pool->first_ready = NULL;
    pool->starting -= worker->state == WORKER_STARTING;
    pool->ready -= worker->state == WORKER_READY;
    pool->starting += state == WORKER_STARTING;
    pool->ready += state == WORKER_READY;
    worker->state = state;
}

void pool_worker_hand_over(struct worker *worker, struct pool_claim *claim) {
    struct pool *pool = worker->zygote->pool;
    set_state(worker, WORKER_TAKEN);
    pool->last_claim_us = loop_now_us();
    pool_idle_later(pool);
    if (++worker->zygote->runs >= pool->renew_runs && pool->renew_runs > 0)
        pool_renew(pool);
    worker->claim = claim;
    claim->worker = worker;
    claim->calls->on_worker(claim->context, worker);
}

void pool_worker_kill(struct worker *worker) {
    if (worker->killed)
        return;
    worker->killed = true;
    struct zygote_command command = {.type = ZYGOTE_KILL, .slot = worker->slot, .run = worker->run};
    /* Should it fail, the channel is broken and its end is about to be noticed. */
    zygote_link_send_take(&worker->zygote->link, &command, NULL);
}

/* What was made its own ahead of the script is not the script's. */
void pool_worker_limit(struct worker *worker, uint64_t memory_bytes) {
    if (worker->has_library_pages)
        memory_bytes += worker->zygote->report.library_bytes;
    if (memory_bytes > worker->zygote->pool->memory_bytes)
        memory_bytes = worker->zygote->pool->memory_bytes;
    struct zygote_command command = {.type = ZYGOTE_LIMIT,
                                     .slot = worker->slot,
                                     .memory_bytes = memory_bytes,
                                     .run = worker->run};
    /* Should it fail, the channel is broken and its end is about to be noticed. */
    zygote_link_send_take(&worker->zygote->link, &command, NULL);
}

void pool_worker_close(struct worker *worker) {
    struct loop *loop = worker->zygote->pool->loop;
    loop_timer_stop(loop, &worker->timer);
    for (int i = 0; i < WORKER_FILES; i++) {
        if (worker->files[i].watched)
            loop_file_close(loop, &worker->files[i]);
        else if (worker->descriptors[i] >= 0)
            close(worker->descriptors[i]);
        worker->descriptors[i] = -1;
    }
}

void pool_worker_free(struct worker *worker) {
    pool_worker_close(worker);
    set_state(worker, WORKER_FREE);
    worker->claim = NULL;
    pool_refill_soon(worker->zygote->pool);
    pool_zygote_retire(worker->zygote);
}

static void retry(void *context) {
    struct pool *pool = context;
    pool->short_of_means = false;
    pool_refill_soon(pool);
}

static void retry_later(struct pool *pool, unsigned stage, int error) {
    log_line(LOG_WARNING, "a worker could not be made: stage %s: %s", stage_name(stage),
             error > 0 ? strerror(error) : "it ended");
    if (pool->retry_timer.running)
        return;
    loop_timer_start(pool->loop, &pool->retry_timer, pool->retry_us, retry, pool);
    pool->retry_us = pool->retry_us * 2 < LAST_RETRY_US ? pool->retry_us * 2 : LAST_RETRY_US;
}

void pool_start_failed(struct pool *pool, unsigned stage, int error) {
    retry_later(pool, stage, error);
    if (pool->waiting > pool->starting)
        fail_first_claim(pool, stage);
}

/* Nobody waits for its end but its slot. */
static void end_expired(void *context) {
    struct worker *worker = context;
    struct pool *pool = worker->zygote->pool;
    pool_zygote_doubt(worker->zygote);
    loop_timer_start(pool->loop, &worker->timer, pool->end_us, end_expired, worker);
}

void pool_worker_abandon(struct worker *worker) {
    struct pool *pool = worker->zygote->pool;
    worker->claim = NULL;
    pool_worker_kill(worker);
    pool_worker_close(worker);
    set_state(worker, WORKER_DYING);
    loop_timer_start(pool->loop, &worker->timer, pool->end_us, end_expired, worker);
}

static void give_up(struct worker *worker, unsigned stage, int error) {
    struct pool *pool = worker->zygote->pool;
    pool_worker_abandon(worker);
    pool_start_failed(pool, stage, error);
    pool_refill_soon(pool);
}

static void start_expired(void *context) {
    struct worker *worker = context;
    pool_zygote_doubt(worker->zygote);
    give_up(worker, STAGE_COUNT, ETIMEDOUT);
}

static void became_ready(struct worker *worker) {
    struct pool *pool = worker->zygote->pool;
    loop_timer_stop(pool->loop, &worker->timer);
    pool->retry_us = POOL_FIRST_RETRY_US;
    histogram_observe(&pool->counts.start_us, loop_now_us() - worker->spawned_us);
    set_state(worker, WORKER_READY);
    if (pool->first)
        pool_worker_hand_over(worker, pool_claim_unlink(pool, pool->first));
    else
        pool_idle_later(pool);
    pool_refill_soon(pool);
}

/* The frame at the front of the greeting: FRAME_TRACE may come first, once. */
static void parse_greeting(struct worker *worker) {
    struct frame_header header;
    struct setup_failure failure;
    if (worker->greeting_size < sizeof(header))
        return;
    memcpy(&header, worker->greeting, sizeof(header));
    const char *payload = worker->greeting + sizeof(header);
    size_t frame = sizeof(header) + header.size, left = worker->greeting_size - frame;
    if (header.type == FRAME_TRACE && header.size == sizeof(worker->trace)) {
        if (worker->greeting_size < frame)
            return;
        memcpy(&worker->trace, payload, sizeof(worker->trace));
        memmove(worker->greeting, worker->greeting + frame, left);
        worker->greeting_size = (unsigned)left;
        parse_greeting(worker);
    } else if (header.type == FRAME_READY && header.size == 0 && left == 0) {
        became_ready(worker);
    } else if (header.type != FRAME_SETUP_FAILED || header.size != sizeof(failure)) {
        give_up(worker, STAGE_COUNT, EPROTO);
    } else if (worker->greeting_size >= frame) {
        memcpy(&failure, payload, sizeof(failure));
        give_up(worker, failure.stage, failure.error);
    }
}

/* What a worker says before it has a script. */
void pool_worker_read_greeting(struct worker *worker) {
    ssize_t size =
        recv(worker->descriptors[WORKER_CHANNEL], worker->greeting + worker->greeting_size,
             sizeof(worker->greeting) - worker->greeting_size, MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    /* End of file, or more than was asked for, of one that starts or waits already. */
    if (size <= 0 || worker->state == WORKER_READY) {
        give_up(worker, STAGE_COUNT, 0);
        return;
    }
    worker->greeting_size += (unsigned)size;
    parse_greeting(worker);
}

static void on_greeting(void *context, uint32_t events) {
    (void)events;
    pool_worker_read_greeting(context);
}

/* ---- making workers ---- */

static struct worker *find_free_slot(const struct pool *pool) {
    for (unsigned i = 0; i < pool->slots; i++)
        if (pool->current->workers[i].state == WORKER_FREE && !pool->current->workers[i].unusable)
            return &pool->current->workers[i];
    return NULL;
}

static int spawn(struct pool *pool, struct worker *worker, bool ahead) {
    int theirs[WORKER_FILES];
    int r = worker_ends_open(worker->descriptors, theirs);
    if (r < 0)
        return r;
    worker->run = ++pool->last_run;
    worker->spawned_us = loop_now_us();
    worker->killed = worker->has_library_pages = false;
    worker->greeting_size = 0;
    struct zygote_command command = {.type = ZYGOTE_SPAWN,
                                     .slot = worker->slot,
                                     .flags = ahead ? SPAWN_AHEAD : 0,
                                     .run = worker->run};
    r = zygote_link_send_take(&worker->zygote->link, &command, theirs);
    if (r < 0) {
        pool_worker_close(worker);
        return r;
    }
    set_state(worker, WORKER_STARTING);
    loop_timer_start(pool->loop, &worker->timer, START_DEADLINE_US, start_expired, worker);
    r = loop_file_add(pool->loop, &worker->files[WORKER_CHANNEL],
                      worker->descriptors[WORKER_CHANNEL], EPOLLIN, on_greeting, worker);
    if (r < 0)
        give_up(worker, STAGE_SPAWN, -r);
    return 0;
}

/* The server itself lacked something, descriptors most likely. The next claim would fare no better:
 * all wait until it is tried again, and only while the want lasts does each attempt cost one. */
static void spawn_failed(struct pool *pool, int error) {
    /* The zygote is gone: that is about to be noticed, and another one will serve the claims. */
    if (error == EPIPE || error == ECONNRESET || error == ENOTCONN)
        return;
    bool lasts = pool->retry_us == LAST_RETRY_US;
    pool->short_of_means = true;
    retry_later(pool, STAGE_SPAWN, error);
    if (lasts && pool->waiting > pool->starting)
        fail_first_claim(pool, STAGE_SPAWN);
}

/* A rehearsal shortens the script's wait, but lengthens everybody's if there is no time for it:
 * only while at most one other worker runs or is being cleared. */
static bool has_time(const struct pool *pool) {
    return pool->waiting == 0 && pool->current->busy <= pool->starting + pool->ready + 1;
}

/* Each that starts has as much of a processor as a script that runs. As long as somebody else could
 * be served at once, half of the processors are left to those who are being served. Where nothing
 * is ready, those come first who wait; and where they come one by one, a few together make one of
 * them wait, and not the next ones. */
static unsigned at_once(const struct pool *pool) {
    const unsigned half = pool->processors > 1 ? pool->processors / 2 : 1,
                   few = 2 * pool->processors;
    if (pool->ready > 0)
        return half;
    return pool->waiting > few ? pool->waiting : few;
}

static void refill(void *context) {
    struct pool *pool = context;
    unsigned ahead = pool->retry_timer.running ? 0 : pool->ahead;
    while (pool->current && !pool->short_of_means && pool->starting < at_once(pool) &&
           pool->starting + pool->ready < pool->waiting + ahead) {
        struct worker *worker = find_free_slot(pool);
        if (!worker)
            return;
        int r = spawn(pool, worker, has_time(pool));
        if (r < 0) {
            spawn_failed(pool, -r);
            return;
        }
    }
}
