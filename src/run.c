/*
 * run: RUN_CLAIMING until there is a worker, RUN_RUNNING until the verdict stands, RUN_ENDING until
 * nothing of the worker is left, RUN_OVER. Whatever comes first decides (settle); only the kernel's
 * word about memory, and output that turns out too long when the pipes are emptied, come after.
 */
#include "run.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config.h"
#include "log.h"
#include "run_verdict.h"

#define SECOND_US 1000000LL
#define ENDING_US (15 * SECOND_US)      /* from ZYGOTE_KILL to ZYGOTE_ENDED: files are removed */
#define LAST_WORD_US (SECOND_US / 4)    /* from the channel's end to ZYGOTE_ENDED by itself */
#define CLAIM_SPARE_US (15 * SECOND_US) /* more than the pool gives a worker to start */

/* One thread, one read at a time: they share the place where bytes land first. */
static char scratch[64 << 10];

static size_t output_limit(const struct run *run) {
    return (size_t)run->config->output_mb << 20;
}

static struct worker *run_worker(const struct run *run) {
    return run->claim.worker;
}

static void finish(struct run *run) {
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
    pool_unclaim(run->pool, &run->claim);
    run->outcome.result.size = 0;
    outcome_set(&run->outcome, VERDICT_INTERNAL, "The sandbox could not be cleared in time");
    finish(run);
}

/* The verdict stands. What still runs has nothing to add: it is told to die at once. */
static void settled(struct run *run) {
    run->settled = true;
    run->state = RUN_ENDING;
    pool_kill(run->pool, &run->claim);
    loop_file_remove(run->loop, &run_worker(run)->files[WORKER_CHANNEL]);
    loop_timer_start(run->loop, &run->timer, ENDING_US, end_expired, run);
}

/* ---- channel ---- */

enum channel_end { CHANNEL_OPEN, CHANNEL_SETTLED, CHANNEL_CLOSED };

/* Takes bytes up to the end of a frame. True if the verdict stands. */
static bool take_bytes(struct run *run, const char *bytes, size_t size, size_t *ret_used) {
    switch (frame_reader_feed(&run->reader, bytes, size, ret_used)) {
    case FRAME_MORE:
        return false;
    case FRAME_WHOLE:
        if (run_verdict_frame(&run->outcome, &run->reader, run->config))
            return true;
        frame_reader_next(&run->reader);
        return false;
    case FRAME_TOO_BIG:
        run_verdict_limit(&run->outcome, VERDICT_OUTPUT, run->config);
        return true;
    case FRAME_NO_MEMORY:
        outcome_set(&run->outcome, VERDICT_INTERNAL, "The service is out of memory");
        return true;
    default:
        run_verdict_no_result(&run->outcome);
        return true;
    }
}

/* Reads once; may fill in the verdict. */
static enum channel_end read_channel(struct run *run) {
    ssize_t size =
        recv(run_worker(run)->descriptors[WORKER_CHANNEL], scratch, sizeof(scratch), MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return CHANNEL_OPEN;
    if (size <= 0)
        return CHANNEL_CLOSED;
    for (size_t at = 0, used; at < (size_t)size; at += used)
        if (take_bytes(run, scratch + at, (size_t)size - at, &used))
            return CHANNEL_SETTLED;
    run->received_size += (size_t)size;
    return CHANNEL_OPEN;
}

static void last_word_expired(void *context) {
    struct run *run = context;
    run_verdict_no_result(&run->outcome);
    settled(run);
}

static void deadline_expired(void *context) {
    struct run *run = context;
    run_verdict_limit(&run->outcome, VERDICT_TIMEOUT, run->config);
    settled(run);
}

/* Sends what is left of the request. 0, -EAGAIN or another -errno. */
static int send_request(struct run *run) {
    int r = input_stream_send(&run->input, run_worker(run)->descriptors[WORKER_CHANNEL]);
    /* The worker has it all. */
    if (r == 0)
        request_done(&run->request);
    return r;
}

/* An error is left to the read that follows: the channel's end tells more. */
static void on_channel(void *context, uint32_t events) {
    struct run *run = context;
    struct loop_file *file = &run_worker(run)->files[WORKER_CHANNEL];
    if ((events & EPOLLOUT) && send_request(run) != -EAGAIN)
        loop_file_modify(run->loop, file, EPOLLIN);
    if (!(events & ~(uint32_t)EPOLLOUT))
        return;
    enum channel_end end = read_channel(run);
    if (end == CHANNEL_OPEN)
        return;
    if (end == CHANNEL_SETTLED) {
        settled(run);
        return;
    }
    /* It is most likely leaving by itself, and its exit status is worth waiting for. */
    loop_file_remove(run->loop, file);
    loop_timer_start(run->loop, &run->timer, LAST_WORD_US, last_word_expired, run);
}

/* ---- output ---- */

/* Reads once. True if there may be more. */
static bool read_output(struct run *run, enum worker_file which) {
    struct worker *worker = run_worker(run);
    struct outcome *outcome = &run->outcome;
    struct buf *buf = which == WORKER_STDOUT ? &outcome->stdout_bytes : &outcome->stderr_bytes;
    ssize_t size = read(worker->descriptors[which], scratch, sizeof(scratch));
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (size <= 0) {
        loop_file_remove(run->loop, &worker->files[which]);
        return false;
    }
    size_t room = output_limit(run) - outcome->stdout_bytes.size - outcome->stderr_bytes.size;
    size_t part = (size_t)size < room ? (size_t)size : room;
    if (buf_append(buf, scratch, part) == 0 && part == (size_t)size)
        return true;
    loop_file_remove(run->loop, &worker->files[which]);
    if (!run->settled || outcome->verdict == VERDICT_SUCCESS)
        run_verdict_limit(outcome, VERDICT_OUTPUT, run->config);
    if (!run->settled)
        settled(run);
    return false;
}

static void on_stdout(void *context, uint32_t events) {
    (void)events;
    read_output(context, WORKER_STDOUT);
}

static void on_stderr(void *context, uint32_t events) {
    (void)events;
    read_output(context, WORKER_STDERR);
}

/* ---- the claim ---- */

static void run_broken(struct run *run, int error) {
    log_line(LOG_ERROR, "a run could not be started: errno %d", error);
    outcome_set(&run->outcome, VERDICT_INTERNAL, "The sandbox broke before the script started");
    settled(run);
}

static void on_worker(void *context, struct worker *worker) {
    struct run *run = context;
    run->state = RUN_RUNNING;
    run->started_us = loop_now_us();
    run->outcome.started = true;
    run->outcome.trace = worker->trace;
    worker->files[WORKER_CHANNEL].fn = on_channel;
    worker->files[WORKER_CHANNEL].context = run;
    /* The script first: it runs while the rest is set up. */
    int r = send_request(run);
    if (r == -EAGAIN)
        r = loop_file_modify(run->loop, &worker->files[WORKER_CHANNEL], EPOLLIN | EPOLLOUT);
    if (r == 0)
        r = loop_file_add(run->loop, &worker->files[WORKER_STDOUT],
                          worker->descriptors[WORKER_STDOUT], EPOLLIN, on_stdout, run);
    if (r == 0)
        r = loop_file_add(run->loop, &worker->files[WORKER_STDERR],
                          worker->descriptors[WORKER_STDERR], EPOLLIN, on_stderr, run);
    if (r < 0)
        run_broken(run, -r);
    else
        loop_timer_start(run->loop, &run->timer, (int64_t)run->config->timeout_s * SECOND_US,
                         deadline_expired, run);
}

static void on_failed(void *context, unsigned stage) {
    struct run *run = context;
    outcome_set(&run->outcome, VERDICT_INTERNAL, "The sandbox could not be set up (stage %s)",
                stage_name(stage));
    finish(run);
}

static void claim_expired(void *context) {
    struct run *run = context;
    pool_unclaim(run->pool, &run->claim);
    outcome_set(&run->outcome, VERDICT_OVERLOADED, "No sandbox became free in time");
    run->outcome.retry_after_s = 1;
    finish(run);
}

static void stopped_unstarted(void *context) {
    finish(context);
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
            end = read_channel(run);
        } while (end == CHANNEL_OPEN && run->received_size > before);
        run->settled = end == CHANNEL_SETTLED;
    }
    while (read_output(run, WORKER_STDOUT))
        ;
    while (read_output(run, WORKER_STDERR))
        ;
}

static void on_ended(void *context, const struct zygote_event *event) {
    struct run *run = context;
    if (!event &&
        run->settled) { /* the verdict stood already, and without a zygote nothing of it lives */
        finish(run);
        return;
    }
    if (!event) {
        outcome_set(&run->outcome, VERDICT_INTERNAL, "The sandbox stopped before the script ended");
        finish(run);
        return;
    }
    take_the_rest(run);
    bool explained = (!run->settled || run_verdict_limit_explains(run->outcome.verdict)) &&
                     run_verdict_watched(&run->outcome, event, run->config);
    if (!run->settled && !explained)
        run_verdict_ended(&run->outcome, event);
    finish(run);
}

static const struct pool_claim_calls claim_calls = {
    .on_worker = on_worker, .on_failed = on_failed, .on_ended = on_ended};

/* ---- the interface ---- */

void run_start(struct run *run, struct loop *loop, struct pool *pool, const struct config *config,
               struct request *request, run_done_fn *done_fn, void *done_context) {
    *run = (struct run){.loop = loop,
                        .pool = pool,
                        .config = config,
                        .request = *request,
                        .claim = {.calls = &claim_calls, .context = run},
                        .done_fn = done_fn,
                        .done_context = done_context};
    *request = (struct request){0};
    input_stream_init(&run->input, &run->request);
    outcome_init(&run->outcome, output_limit(run), RUN_TEXT_BYTES);
    run->outcome.files_asked = run->request.inputs.patterns_size > 0;
    frame_reader_init(&run->reader, output_limit(run), RUN_ERROR_FRAME_BYTES);
    loop_timer_start(loop, &run->timer, (int64_t)config->queue_wait_s * SECOND_US + CLAIM_SPARE_US,
                     claim_expired, run);
    pool_claim(pool, &run->claim);
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
        settled(run);
    }
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
