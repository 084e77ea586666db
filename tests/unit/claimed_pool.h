/* claimed_pool: a pool with a zygote of a test's own, and two who may claim workers of it and count
 * what they are told. For test_pool*.c. Include cmocka.h before. */
#ifndef CLAIMED_POOL_H
#define CLAIMED_POOL_H

#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "fake_zygote.h"
#include "pool_state.h"

struct claimant {
    struct pool_claim claim;
    unsigned workers, failures, limited, ends, losses, stage;
};

static struct {
    struct loop *loop;
    struct pool *pool;
    struct config config;
    struct fake_zygote zygote;
    struct claimant a, b;
    unsigned renewals;   /* how often another zygote was asked for */
    unsigned processors; /* 0: the machine's */
} t;

static inline int set_up(void **state) {
    (void)state;
    memset(&t, 0, sizeof(t));
    config_init(&t.config);
    t.config.slots = 1;
    return loop_new(&t.loop);
}

static inline int tear_down(void **state) {
    (void)state;
    fake_zygote_done(&t.zygote);
    pool_free(t.pool);
    loop_free(t.loop);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static inline void start(unsigned ahead, bool mute) {
    t.config.pool = ahead;
    assert_int_equal(pool_new(t.loop, &t.config, &t.pool), 0);
    t.pool->processors = t.processors ? t.processors : t.pool->processors;
    fake_zygote_init(&t.zygote, t.loop);
    t.zygote.mute = mute;
    assert_false(pool_is_up(t.pool));
    assert_int_equal(pool_zygote_take(t.pool, t.zygote.server_end), 0);
    fake_wait_ms(t.loop, 20);
    assert_true(pool_is_up(t.pool));
}

static inline void on_worker(void *context, struct worker *worker) {
    struct claimant *claimant = context;
    assert_ptr_equal(claimant->claim.worker, worker);
    /* Nothing is read here. */
    loop_file_remove(t.loop, &worker->files[WORKER_CHANNEL]);
    claimant->workers++;
}
static inline void on_failed(void *context, unsigned stage) {
    struct claimant *claimant = context;
    claimant->failures++;
    claimant->stage = stage;
}
static inline void on_ended(void *context, const struct zygote_event *event) {
    struct claimant *claimant = context;
    claimant->ends++;
    claimant->losses += !event;
}

static inline void claim_with(struct claimant *claimant, const struct pool_claim_calls *calls) {
    *claimant = (struct claimant){.claim = {.calls = calls, .context = claimant}};
    pool_claim(t.pool, &claimant->claim);
}

static inline void claim(struct claimant *claimant) {
    static const struct pool_claim_calls calls = {
        .on_worker = on_worker, .on_failed = on_failed, .on_ended = on_ended};
    claim_with(claimant, &calls);
}

static inline void on_renewal(void *context) {
    (void)context;
    t.renewals++;
}

/* Another zygote takes over from the one that has a worker on its first slot. That one is the
 * test's: its descriptors too. */
static inline void take_over(struct fake_zygote *ret_old, bool mute) {
    *ret_old = t.zygote;
    loop_file_remove(t.loop, &t.zygote.file);
    loop_file_remove(t.loop, &t.zygote.workers[0].file);
    fake_zygote_init(&t.zygote, t.loop);
    t.zygote.mute = mute;
    assert_int_equal(pool_zygote_take(t.pool, t.zygote.server_end), 0);
}

static inline void close_ends(const struct fake_worker *worker) {
    close(worker->channel);
    close(worker->out);
    close(worker->err);
}

#endif
