/* pool_idle: one waiting worker, and no more, is told that there is time, only while there is, and
 * it is the next that is handed out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "claimed_pool.h"

#define QUIET_MS 80 /* more than it takes to be told */
#define LIBRARY_BYTES (12u << 20)

static void must_not_fail(void *context, unsigned stage) {
    (void)context;
    (void)stage;
    fail();
}
static void on_limited(void *context, int error) {
    struct claimant *claimant = context;
    assert_int_equal(error, 0);
    claimant->limited++;
}

/* Of a worker that waits; the slot that it has. */
static unsigned claim_ready(struct claimant *claimant) {
    static const struct pool_claim_calls calls = {.on_worker = on_worker,
                                                  .on_failed = must_not_fail,
                                                  .on_limited = on_limited,
                                                  .on_ended = on_ended};
    claim_with(claimant, &calls);
    assert_non_null(claimant->claim.worker);
    return claimant->claim.worker->slot;
}

/* How many live workers have been told, and nothing else; the slot of the last in *ret_slot. */
static unsigned told(unsigned *ret_slot) {
    const struct frame_header idle = {.type = FRAME_IDLE};
    unsigned count = 0;
    for (unsigned i = 0; i < FAKE_SLOTS; i++) {
        const struct fake_worker *worker = &t.zygote.workers[i];
        if (!worker->alive || worker->input_size == 0)
            continue;
        assert_int_equal(worker->input_size, sizeof(idle));
        assert_memory_equal(worker->input, &idle, sizeof(idle));
        *ret_slot = worker->slot;
        count++;
    }
    return count;
}

/* However slow this is: so many are told, and then no more. */
static void wait_until_told(unsigned count) {
    unsigned slot;
    for (int i = 0; i < 500 && (told(&slot) < count || pool_ready_count(t.pool) < 2); i++)
        fake_wait_ms(t.loop, 10);
    fake_wait_ms(t.loop, QUIET_MS);
    assert_int_equal(told(&slot), count);
}

/* A pool of two on a machine of so many processors, after it has been quiet. */
static void start_quiet(unsigned processors, uint64_t library_bytes) {
    t.config.slots = 2;
    t.config.pool = 2;
    t.config.memory_mb = 300;
    assert_int_equal(pool_new(t.loop, &t.config, &t.pool), 0);
    t.pool->processors = processors;
    fake_zygote_init_with(&t.zygote, t.loop, library_bytes);
    assert_int_equal(pool_zygote_take(t.pool, t.zygote.server_end), 0);
    wait_until_told(library_bytes > 0);
    assert_int_equal(pool_ready_count(t.pool), 2);
}

static void test_one_is_told_and_goes_first(void **state) {
    (void)state;
    unsigned slot;
    start_quiet(2, LIBRARY_BYTES);
    assert_int_equal(told(&slot), 1);
    assert_int_equal(claim_ready(&t.a), slot);
    assert_int_not_equal(claim_ready(&t.b), slot);
    assert_false(t.b.claim.worker->has_library_pages);
}

static void test_another_is_told_when_it_is_quiet_again(void **state) {
    (void)state;
    unsigned slot;
    start_quiet(2, LIBRARY_BYTES);
    claim_ready(&t.a);
    wait_until_told(2); /* the one that runs, and the next */
    assert_int_equal(told(&slot), 2);
    assert_ptr_equal(t.pool->first_ready, &t.pool->current->workers[slot]);
}

static void test_none_where_nothing_is_reported(void **state) {
    (void)state;
    unsigned slot;
    start_quiet(2, 0);
    claim_ready(&t.a);
    fake_wait_ms(t.loop, QUIET_MS);
    assert_int_equal(told(&slot), 0);
}

static void test_none_while_requests_follow_each_other(void **state) {
    (void)state;
    unsigned slot;
    start_quiet(2, LIBRARY_BYTES);
    claim_ready(&t.a);
    t.pool->last_claim_us += 3600 * 1000000LL;
    fake_wait_ms(t.loop, QUIET_MS);
    assert_int_equal(told(&slot), 1);
}

static void test_none_while_every_processor_has_a_run(void **state) {
    (void)state;
    unsigned slot;
    start_quiet(1, LIBRARY_BYTES);
    claim_ready(&t.a);
    wait_until_told(1);
    assert_int_equal(pool_ready_count(t.pool), 2);
    pool_kill(t.pool, &t.a.claim);
    for (int i = 0; i < 500 && told(&slot) > 0; i++)
        fake_wait_ms(t.loop, 5);
    wait_until_told(1); /* the first has gone */
    assert_non_null(t.pool->first_ready);
}

static void test_one_that_dies_is_forgotten(void **state) {
    (void)state;
    unsigned slot;
    start_quiet(2, LIBRARY_BYTES);
    assert_int_equal(told(&slot), 1);
    t.pool->last_claim_us = loop_now_us() + 3600 * 1000000LL;
    fake_end(&t.zygote.workers[slot], 0, 9);
    fake_wait_ms(t.loop, QUIET_MS);
    assert_null(t.pool->first_ready);
    claim_ready(&t.a);
    assert_false(t.a.claim.worker->has_library_pages);
}

static void test_its_pages_are_not_the_scripts(void **state) {
    (void)state;
    start_quiet(2, LIBRARY_BYTES);
    claim_ready(&t.a);
    claim_ready(&t.b);
    pool_limit(t.pool, &t.b.claim, 40 << 20);
    fake_wait_ms(t.loop, 5);
    assert_int_equal(t.zygote.memory_bytes, 40 << 20);
    pool_limit(t.pool, &t.a.claim, 40 << 20);
    fake_wait_ms(t.loop, 5);
    assert_int_equal(t.zygote.memory_bytes, (40 << 20) + LIBRARY_BYTES);
    pool_limit(t.pool, &t.a.claim, 299 << 20); /* never more than the service's */
    fake_wait_ms(t.loop, 5);
    assert_int_equal(t.zygote.memory_bytes, 300 << 20);
    assert_int_equal(t.a.limited, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_one_is_told_and_goes_first),
        TEST(test_another_is_told_when_it_is_quiet_again),
        TEST(test_none_where_nothing_is_reported),
        TEST(test_none_while_requests_follow_each_other),
        TEST(test_none_while_every_processor_has_a_run),
        TEST(test_one_that_dies_is_forgotten),
        TEST(test_its_pages_are_not_the_scripts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
