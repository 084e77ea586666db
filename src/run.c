/*
 * run: RUN_CLAIMING until there is a worker, RUN_LIMITING until its limit is lowered (if it is to
 * be), RUN_RUNNING until the verdict stands, RUN_ENDING until nothing of the worker is left,
 * RUN_OVER. Whatever comes first decides (settle); only the kernel's word about memory, and output
 * that turns out too long when the pipes are emptied, come after.
 */
#include "run.h"

#include <errno.h>
#include <sys/epoll.h>

#include "config.h"
#include "log.h"
#include "request.h"
#include "run_channel.h"
#include "run_claim.h"
#include "run_output.h"
#include "run_verdict.h"

#define SECOND_US 1000000LL
#define ENDING_US (15 * SECOND_US)      /* from ZYGOTE_KILL to ZYGOTE_ENDED: files are removed */
#define LAST_WORD_US (3 * SECOND_US)    /* from the channel's end to ZYGOTE_ENDED by itself */
#define OVERTIME_US (SECOND_US * 3 / 4) /* ... after the time limit */
#define LIMITING_US (5 * SECOND_US)     /* from ZYGOTE_LIMIT to ZYGOTE_LIMITED */

static struct worker *run_worker(const struct run *run) {
    return run->claim.worker;
}

void run_finish(struct run *run) {
    loop_timer_stop(run->loop, &run->timer);
    run->state = RUN_OVER;
    if (run->started_us)
        run->outcome.run_us = loop_now_us() - run->started_us;
    run->done_fn(run->done_context, &run->outcome);
}

/* The zygote has not said that the worker is gone: it is left to the pool. */
static void end_expired(void *context) {
    struct run *run = context;
    log_line(LOG_ERROR, "a worker could not be ended in time");
    pool_doubt(run->pool, &run->claim);
    pool_unclaim(run->pool, &run->claim);
    run->outcome.result.size = 0;
    outcome_set(&run->outcome, VERDICT_INTERNAL, "The sandbox could not be cleared in time");
    run_finish(run);
}

/* The verdict stands. What still runs has nothing to add: it is told to die at once. What is in the
 * pipes then is taken when it is dead; until then each would only say that its end has come. */
void run_settled(struct run *run) {
    run->settled = true;
    run->state = RUN_ENDING;
    request_done(&run->request);
    pool_kill(run->pool, &run->claim);
    for (enum worker_file which = 0; which < WORKER_FILES; which++)
        loop_file_remove(run->loop, &run_worker(run)->files[which]);
    loop_timer_start(run->loop, &run->timer, ENDING_US, end_expired, run);
}

/* ---- channel ---- */

static void last_word_expired(void *context) {
    struct run *run = context;
    if (!run->unread) {
        run_verdict_no_result(&run->outcome);
        run_settled(run);
    } else if (!run_begin_anew(run)) {
        run_broken(run, ECONNRESET);
    }
}

/* A script that closes its channel and goes on has little more time for that. */
static int64_t last_word_us(const struct run *run) {
    int64_t left_us = run->started_us + run->limits.timeout_us + OVERTIME_US - loop_now_us();
    return left_us < LAST_WORD_US ? left_us : LAST_WORD_US;
}

static void deadline_expired(void *context) {
    struct run *run = context;
    run_verdict_limit(&run->outcome, VERDICT_TIMEOUT, &run->limits);
    run_settled(run);
}

/* An error is left to the read that follows: the channel's end tells more. */
static void on_channel(void *context, uint32_t events) {
    struct run *run = context;
    struct loop_file *file = &run_worker(run)->files[WORKER_CHANNEL];
    if ((events & EPOLLOUT) && run_send_request(run) != -EAGAIN)
        loop_file_modify(run->loop, file, EPOLLIN);
    if (!(events & ~(uint32_t)EPOLLOUT))
        return;
    enum channel_end end = run_read_channel(run);
    if (end == CHANNEL_OPEN)
        return;
    if (end == CHANNEL_SETTLED) {
        run_settled(run);
        return;
    }
    run->unread = end == CHANNEL_UNREAD;
    /* It is most likely leaving by itself, and its exit status is worth waiting for; so is whether
     * the request's own files were more than it may have. */
    loop_file_remove(run->loop, file);
    loop_timer_start(run->loop, &run->timer, last_word_us(run), last_word_expired, run);
}

/* ---- the claim ---- */

static void begin(struct run *run) {
    struct worker *worker = run_worker(run);
    run->state = RUN_RUNNING;
    run->started_us = loop_now_us();
    run->outcome.started = true;
    run->outcome.trace = worker->trace;
    worker->files[WORKER_CHANNEL].fn = on_channel;
    worker->files[WORKER_CHANNEL].context = run;
    /* The request first: the script runs while the rest is set up. */
    int r = run_send_request(run);
    if ((r == -EPIPE || r == -ECONNRESET) && run_begin_anew(run))
        return;
    if (r == -EAGAIN)
        r = loop_file_modify(run->loop, &worker->files[WORKER_CHANNEL], EPOLLIN | EPOLLOUT);
    if (r == 0)
        r = run_output_watch(run);
    if (r < 0) {
        run_broken(run, -r);
        return;
    }
    loop_timer_start(run->loop, &run->timer, run->limits.timeout_us, deadline_expired, run);
    if (run->tap)
        run->tap->on_begun(run->tap->context);
}

/* A script must not begin with more memory than was asked for. */
static void limit_failed(struct run *run, int error) {
    log_line(LOG_ERROR, "the memory limit of a run could not be set: errno %d", error);
    outcome_set(&run->outcome, VERDICT_INTERNAL, "The memory limit could not be set");
    run_settled(run);
}

static void limiting_expired(void *context) {
    struct run *run = context;
    pool_doubt(run->pool, &run->claim);
    limit_failed(run, ETIMEDOUT);
}

static void on_limited(void *context, int error) {
    struct run *run = context;
    if (run->state != RUN_LIMITING)
        return;
    if (error)
        limit_failed(run, error);
    else
        begin(run);
}

/* It has nothing to say yet: it is broken. */
static void on_early_channel(void *context, uint32_t events) {
    (void)events;
    if (!run_begin_anew(context))
        run_broken(context, EPIPE);
}

static void on_worker(void *context, struct worker *worker) {
    struct run *run = context;
    if (!run->less_memory) {
        begin(run);
        return;
    }
    run->state = RUN_LIMITING;
    worker->files[WORKER_CHANNEL].fn = on_early_channel;
    worker->files[WORKER_CHANNEL].context = run;
    loop_timer_start(run->loop, &run->timer, LIMITING_US, limiting_expired, run);
    pool_limit(run->pool, &run->claim, run->limits.memory_bytes);
}

static void on_failed(void *context, unsigned stage) {
    struct run *run = context;
    /* Once: what ends one that starts will end the next. */
    if (stage == STAGE_COUNT && !run->start_failed) {
        run->start_failed = true;
        if (run_begin_anew(run))
            return;
    }
    outcome_set(&run->outcome, VERDICT_INTERNAL, "The sandbox could not be set up (stage %s)",
                stage_name(stage));
    run_finish(run);
}

static void stopped_unstarted(void *context) {
    run_finish(context);
}

/* Nobody writes any more: what is in the channel and the pipes now is all there will be. A
 * descriptor that a script has sent elsewhere could still write, so nothing waits for an end of
 * file, and the caps end each loop. */
static void take_the_rest(struct run *run) {
    if (!run->settled) {
        size_t before;
        enum channel_end end;
        do {
            before = run->received_size;
            end = run_read_channel(run);
        } while (end == CHANNEL_OPEN && run->received_size > before);
        run->settled = end == CHANNEL_SETTLED;
    }
    run_output_take_the_rest(run);
}

/* Another one may have the script, unless what it was sent was more than a limit of it: so it would
 * be the next time. event may be NULL. */
static void ended_unbegun(struct run *run, const struct zygote_event *event) {
    bool explained = event && run_verdict_watched(&run->outcome, event, &run->limits);
    if (!explained && run_begin_anew(run))
        return;
    run->outcome.started = false;
    if (explained)
        run->outcome.peak_memory_bytes = event->peak_memory_bytes;
    else
        outcome_set(&run->outcome, VERDICT_INTERNAL, "The sandbox broke before the script started");
    run_finish(run);
}

static void on_ended(void *context, const struct zygote_event *event) {
    struct run *run = context;
    if (run->state == RUN_LIMITING) {
        ended_unbegun(run, NULL);
        return;
    }
    if (!run->settled && (run->unread || run_is_unread(run))) {
        ended_unbegun(run, event);
        return;
    }
    if (event)
        run->outcome.peak_memory_bytes = event->peak_memory_bytes;
    take_the_rest(run);
    /* Without a zygote nothing of it lives either, and a verdict that stands is right. */
    if (!run->settled && !event)
        outcome_set(&run->outcome, VERDICT_INTERNAL, "The sandbox stopped before the script ended");
    if (!event) {
        run_finish(run);
        return;
    }
    bool explained = (!run->settled || run_verdict_limit_explains(run->outcome.verdict)) &&
                     run_verdict_watched(&run->outcome, event, &run->limits);
    if (!run->settled && !explained)
        run_verdict_ended(&run->outcome, event);
    run_finish(run);
}

static const struct pool_claim_calls claim_calls = {
    .on_worker = on_worker, .on_failed = on_failed, .on_limited = on_limited, .on_ended = on_ended};

/* ---- the interface ---- */

void run_start(struct run *run, struct loop *loop, struct pool *pool, const struct config *config,
               struct request *request, int64_t claim_by_us, run_done_fn *done_fn,
               void *done_context) {
    *run = (struct run){.loop = loop,
                        .pool = pool,
                        .limits = {.timeout_us = request->timeout_us,
                                   .memory_bytes = request->memory_bytes,
                                   .output_mb = config->output_mb,
                                   .processes = config->processes},
                        .less_memory = request->memory_bytes < config->memory_mb << 20,
                        .request = *request,
                        /* What ended one that waited may have ended all. */
                        .most_anew = config_total_slots(config),
                        .claim = {.calls = &claim_calls, .context = run},
                        .done_fn = done_fn,
                        .done_context = done_context};
    *request = (struct request){0};
    input_stream_init(&run->input, &run->request);
    outcome_init(&run->outcome, run_output_limit(run), RUN_TEXT_BYTES);
    run->outcome.files_asked = run->request.inputs.patterns_size > 0;
    frame_reader_init(&run->reader, run_output_limit(run), RUN_ERROR_FRAME_BYTES);
    run_claim(run, claim_by_us - loop_now_us());
}

void run_stop(struct run *run, enum verdict verdict, const char *text) {
    if (run->settled || run->state == RUN_OVER)
        return;
    outcome_set(&run->outcome, verdict, "%s", text);
    if (run->state == RUN_CLAIMING) {
        run->settled = true;
        pool_unclaim(run->pool, &run->claim);
        loop_timer_start(run->loop, &run->timer, 0, stopped_unstarted, run);
    } else {
        run_settled(run);
    }
}

void run_set_tap(struct run *run, const struct run_tap *tap) {
    run->tap = tap;
    if (tap && run->state == RUN_RUNNING)
        tap->on_begun(tap->context);
}

size_t run_request_bytes(const struct run *run) {
    return request_held_bytes(&run->request);
}

void run_done(struct run *run) {
    loop_timer_stop(run->loop, &run->timer);
    if (run->state != RUN_OVER)
        pool_unclaim(run->pool, &run->claim);
    frame_reader_done(&run->reader);
    outcome_done(&run->outcome);
    request_done(&run->request);
}
