/* played_run: a run against a zygote of a test's own, with a pool of one worker ahead, and what its
 * answer was. What the worker does when it has its script is a function of the test; those that
 * more than one file needs are here. For test_run*.c. Include cmocka.h before. */
#ifndef PLAYED_RUN_H
#define PLAYED_RUN_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "fake_zygote.h"
#include "request.h"
#include "run.h"

static struct {
    struct loop *loop;
    struct pool *pool;
    struct config config;
    struct fake_zygote zygote;
    struct run run;
    /* what is asked for */
    bool wants_files;
    uint64_t memory_bytes;
    int64_t timeout_us;
    /* how often it was answered, and what the last time */
    unsigned answers;
    enum verdict verdict;
    bool started;
    char note[512];
    unsigned figures, files;
    char message[512], traceback[512], result[512];
    size_t stdout_size, stderr_size;
} t;

static inline void copy_text(char *to, const struct buf *from) {
    size_t size = from->size < 511 ? from->size : 511;
    if (size > 0)
        memcpy(to, from->data, size);
    to[size] = '\0';
}

static inline void on_done(void *context, struct outcome *outcome) {
    assert_ptr_equal(context, &t);
    t.answers++;
    t.verdict = outcome->verdict;
    t.started = outcome->started;
    copy_text(t.message, &outcome->message);
    copy_text(t.traceback, &outcome->traceback);
    copy_text(t.result, &outcome->result);
    copy_text(t.note, &outcome->note);
    t.figures = outcome->attachments.figures;
    t.files = outcome->attachments.files;
    t.stdout_size = outcome->stdout_bytes.size;
    t.stderr_size = outcome->stderr_bytes.size;
    loop_stop(t.loop);
}

static inline int set_up(void **state) {
    (void)state;
    memset(&t, 0, sizeof(t));
    config_init(&t.config);
    t.config.slots = 2;
    t.config.pool = 1;
    t.memory_bytes = t.config.memory_mb << 20;
    t.timeout_us = 60000000; /* no test waits for it that does not say so */
    t.config.output_mb = 1;
    assert_int_equal(loop_new(&t.loop), 0);
    assert_int_equal(pool_new(t.loop, &t.config, &t.pool), 0);
    fake_zygote_init(&t.zygote, t.loop);
    assert_int_equal(pool_zygote_take(t.pool, t.zygote.server_end), 0);
    return 0;
}

static inline int tear_down(void **state) {
    (void)state;
    run_done(&t.run);
    fake_zygote_done(&t.zygote);
    pool_free(t.pool);
    loop_free(t.loop);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static inline void start(const char *script) {
    struct request request = {.script = strdup(script),
                              .script_size = strlen(script),
                              .timeout_us = t.timeout_us,
                              .memory_bytes = t.memory_bytes};
    if (t.wants_files)
        request.inputs = (struct inputs){.patterns = strdup("*"), .patterns_size = 1};
    run_start(&t.run, t.loop, t.pool, &t.config, &request, loop_now_us() + 60 * 1000000LL, on_done,
              &t);
    assert_null(request.script);
    assert_int_equal(t.answers, 0);
}

/* Runs one script to its answer. */
/* Before another one of the same test. */
static inline void forget_run(void) {
    run_done(&t.run);
    t.answers = 0;
}

static inline void play(void (*on_script)(struct fake_worker *worker)) {
    t.zygote.on_script = on_script;
    start("def main(): pass");
    loop_run(t.loop);
    assert_int_equal(t.answers, 1);
    fake_wait_ms(t.loop, 5);
    assert_int_equal(t.answers, 1);
}

static inline void expect(enum verdict verdict, const char *message) {
    assert_int_equal(t.verdict, verdict);
    assert_string_equal(t.message, message);
}

/* The worker that has it. */
static inline struct fake_worker *taken(void) {
    return &t.zygote.workers[t.run.claim.worker->slot];
}

/* ---- what a worker does ---- */

static inline void say(struct fake_worker *worker, uint32_t type, const char *text, size_t size) {
    assert_int_equal(write(worker->out, "out\n", 4), 4);
    assert_int_equal(write(worker->err, "err", 3), 3);
    fake_frame(worker, type, text, size);
}
#define SAY(worker, type, text) say(worker, type, text, sizeof(text) - 1)
#define WORKER(name, type, text)                                                                   \
    static void name(struct fake_worker *worker) {                                                 \
        SAY(worker, type, text);                                                                   \
    }

static inline void returns(struct fake_worker *worker) {
    SAY(worker, FRAME_RESULT, "{\"a\": 12345678901234567890123}");
}
static inline void raises(struct fake_worker *worker) {
    SAY(worker, FRAME_ERROR, "exception\0KeyError: 'x'\0Traceback");
}
static inline void claims_memory(struct fake_worker *worker) {
    SAY(worker, FRAME_ERROR, "memory\0anything\0");
}
static inline void claims_success(struct fake_worker *worker) {
    SAY(worker, FRAME_ERROR, "success\0anything\0");
}
static inline void sends_header(struct fake_worker *worker, uint32_t type, uint32_t size) {
    struct frame_header header = {.type = type, .size = size};
    assert_int_equal(write(worker->channel, &header, sizeof(header)), sizeof(header));
}
static inline void returns_and_leaves(struct fake_worker *worker) {
    returns(worker);
    fake_end(worker, ENDED_STATUS_KNOWN, 0);
}
static inline void sleeps(struct fake_worker *worker) {
    (void)worker;
}

#endif
