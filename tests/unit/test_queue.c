/* queue: bounds, order, cancelling, draining; each answer exactly once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "config.h"
#include "fake_zygote.h"
#include "queue.h"

#define ASKERS 8

struct asker {
    struct ticket *ticket;
    unsigned answers, place; /* place: the how-manieth answer of all */
    enum verdict verdict;
    unsigned retry_after_s;
    int64_t queue_us;
};

static struct {
    struct loop *loop;
    struct pool *pool;
    struct queue *queue;
    struct config config;
    struct fake_zygote zygote;
    struct asker askers[ASKERS];
    unsigned answers;
} t;

static int set_up(void **state) {
    (void)state;
    memset(&t, 0, sizeof(t));
    config_init(&t.config);
    t.config.slots = 1;
    t.config.pool = 1;
    t.config.queue = 2;
    t.config.queue_wait_s = 60; /* longer than any test takes */
    assert_int_equal(loop_new(&t.loop), 0);
    assert_int_equal(pool_new(t.loop, &t.config, &t.pool), 0);
    assert_int_equal(queue_new(t.loop, t.pool, &t.config, &t.queue), 0);
    fake_zygote_init(&t.zygote, t.loop);
    return 0;
}

static void bring_up(void) {
    assert_int_equal(pool_zygote_take(t.pool, t.zygote.server_end), 0);
    fake_wait_ms(t.loop, 20);
}

static int tear_down(void **state) {
    (void)state;
    queue_free(t.queue);
    fake_zygote_done(&t.zygote);
    pool_free(t.pool);
    loop_free(t.loop);
    return 0;
}

static void on_answer(void *context, struct outcome *outcome) {
    struct asker *asker = context;
    asker->answers++;
    asker->place = ++t.answers;
    asker->verdict = outcome->verdict;
    asker->retry_after_s = outcome->retry_after_s;
    asker->queue_us = outcome->queue_us;
}

static void ask(unsigned number) {
    struct request request = {.script = strdup("x"),
                              .script_size = 1,
                              .timeout_us = (int64_t)t.config.timeout_s * 1000000,
                              .memory_bytes = t.config.memory_mb << 20};
    struct asker *asker = &t.askers[number];
    assert_int_equal(queue_submit(t.queue, &request, on_answer, asker, &asker->ticket), 0);
}

static void expect(unsigned number, enum verdict verdict, unsigned place) {
    assert_int_equal(t.askers[number].answers, 1);
    assert_int_equal(t.askers[number].verdict, verdict);
    assert_int_equal(t.askers[number].place, place);
}

/* By its time, which is 1 s, and not before. */
static void expect_waited_too_long(unsigned number) {
    for (int i = 0; i < 6000 && t.askers[number].answers == 0; i++)
        fake_wait_ms(t.loop, 10);
    expect(number, VERDICT_OVERLOADED, 1);
    assert_in_range(t.askers[number].queue_us, 1000000, 60000000);
}

/* Three times what one takes: at least least_us, and at most all the time since since_us. */
static void expect_retry_after(unsigned number, int64_t least_us, int64_t since_us) {
    int64_t least_s = (3 * least_us + 999999) / 1000000;
    int64_t most_s = 3 * (loop_now_us() - since_us) / 1000000 + 1;
    assert_in_range(t.askers[number].retry_after_s, least_s, most_s);
}

static void returns(struct fake_worker *worker) {
    fake_frame(worker, FRAME_RESULT, "1", 1);
}

static struct fake_worker *last_worker;

static void is_slow(struct fake_worker *worker) {
    last_worker = worker;
}

static void test_first_come_first_served(void **state) {
    (void)state;
    bring_up();
    t.zygote.on_script = returns;
    for (unsigned i = 0; i < 3; i++)
        ask(i);
    assert_int_equal(queue_state(t.queue).running, 1);
    assert_int_equal(queue_state(t.queue).waiting, 2);
    fake_wait_ms(t.loop, 50);
    for (unsigned i = 0; i < 3; i++)
        expect(i, VERDICT_SUCCESS, i + 1);
    assert_true(t.askers[2].queue_us > t.askers[0].queue_us);
}

static void test_full(void **state) {
    (void)state;
    bring_up();
    t.zygote.on_script = is_slow;
    for (unsigned i = 0; i < 3; i++)
        ask(i);
    assert_false(queue_state(t.queue).accepting);
    ask(3);
    assert_null(t.askers[3].ticket);
    expect(3, VERDICT_OVERLOADED, 1);
    assert_true(t.askers[3].retry_after_s >= 1);
}

/* One slot, two that wait and the one that asks, each as long as the first has taken so far. */
static void test_retry_after_grows_with_what_runs(void **state) {
    (void)state;
    bring_up();
    t.zygote.on_script = is_slow;
    int64_t start_us = loop_now_us();
    for (unsigned i = 0; i < 3; i++)
        ask(i);
    ask(3);
    expect_retry_after(3, 1, start_us);
    fake_wait_ms(t.loop, 1500);
    ask(4);
    expect_retry_after(4, 1500000, start_us);
}

/* What has been learnt from one run of 1.2 s is not forgotten when the next has just begun, and one
 * that was cancelled teaches nothing. */
static void test_retry_after_follows_the_runs_before(void **state) {
    (void)state;
    bring_up();
    t.zygote.on_script = is_slow;
    int64_t start_us = loop_now_us();
    ask(0);
    ask(1);
    ask(2);
    fake_wait_ms(t.loop, 1200);
    returns(last_worker);
    fake_wait_ms(t.loop, 20);
    expect(0, VERDICT_SUCCESS, 1);
    queue_cancel(t.askers[1].ticket);
    fake_wait_ms(t.loop, 20);
    ask(3);
    ask(4);
    ask(5);
    expect_retry_after(5, 1200000, start_us);
    queue_drain(t.queue);
    assert_int_equal(t.askers[3].answers, 1);
    ask(6);
    assert_int_equal(t.askers[6].retry_after_s, 1);
}

static void test_one_at_a_time(void **state) {
    (void)state;
    bring_up();
    t.zygote.on_script = is_slow;
    ask(0);
    ask(1);
    fake_wait_ms(t.loop, 50);
    assert_int_equal(queue_state(t.queue).running, 1);
    returns(last_worker);
    fake_wait_ms(t.loop, 50);
    expect(0, VERDICT_SUCCESS, 1);
    assert_int_equal(queue_state(t.queue).running, 1);
    assert_int_equal(queue_state(t.queue).waiting, 0);
}

static void test_waited_too_long(void **state) {
    (void)state;
    t.config.queue_wait_s = 1;
    bring_up();
    t.zygote.on_script = is_slow;
    ask(0);
    ask(1);
    expect_waited_too_long(1);
    assert_int_equal(t.askers[0].answers, 0);
}

static void test_waits_for_the_zygote(void **state) {
    (void)state;
    t.zygote.on_script = returns;
    assert_false(queue_state(t.queue).accepting);
    ask(0);
    fake_wait_ms(t.loop, 50);
    assert_int_equal(t.answers, 0);
    bring_up();
    fake_wait_ms(t.loop, 50);
    expect(0, VERDICT_SUCCESS, 1);
    assert_true(queue_state(t.queue).accepting);
}

static void test_cancel(void **state) {
    (void)state;
    bring_up();
    t.zygote.on_script = is_slow;
    for (unsigned i = 0; i < 3; i++)
        ask(i);
    fake_wait_ms(t.loop, 20);
    queue_cancel(t.askers[1].ticket);
    assert_int_equal(queue_state(t.queue).waiting, 1);
    queue_cancel(t.askers[0].ticket);
    fake_wait_ms(t.loop, 50);
    assert_int_equal(t.zygote.killed, 1);
    returns(last_worker);
    fake_wait_ms(t.loop, 50);
    expect(2, VERDICT_SUCCESS, 1);
    assert_int_equal(t.answers, 1);
    assert_int_equal(queue_state(t.queue).running, 0);
}

/* A place is free only when nothing of the run lives any more. */
static void test_cancelled_run_keeps_its_place_until_it_ended(void **state) {
    (void)state;
    bring_up();
    t.zygote.on_script = is_slow;
    t.zygote.immortal = true;
    ask(0);
    ask(1);
    fake_wait_ms(t.loop, 20);
    queue_cancel(t.askers[0].ticket);
    fake_wait_ms(t.loop, 20);
    assert_int_equal(queue_state(t.queue).waiting, 1);
    fake_end(last_worker, 0, 0);
    fake_wait_ms(t.loop, 20);
    assert_int_equal(queue_state(t.queue).waiting, 0);
    assert_int_equal(queue_state(t.queue).running, 1);
}

/* A slot alone is not what is waited for. */
static void test_a_slot_without_a_worker_is_waited_for_no_longer(void **state) {
    (void)state;
    t.config.queue_wait_s = 1;
    t.zygote.mute = true;
    bring_up();
    ask(0);
    expect_waited_too_long(0);
    assert_int_equal(queue_state(t.queue).running, 0);
}

static void test_drain(void **state) {
    (void)state;
    bring_up();
    t.zygote.on_script = is_slow;
    ask(0);
    ask(1);
    fake_wait_ms(t.loop, 20);
    queue_drain(t.queue);
    expect(1, VERDICT_OVERLOADED, 1);
    ask(2);
    expect(2, VERDICT_OVERLOADED, 2);
    assert_int_equal(queue_state(t.queue).running, 1);
    returns(last_worker);
    fake_wait_ms(t.loop, 20);
    expect(0, VERDICT_SUCCESS, 3);
    assert_int_equal(queue_state(t.queue).running, 0);
}

static void test_end(void **state) {
    (void)state;
    bring_up();
    t.zygote.on_script = is_slow;
    ask(0);
    ask(1);
    fake_wait_ms(t.loop, 20);
    queue_end(t.queue);
    fake_wait_ms(t.loop, 20);
    expect(1, VERDICT_OVERLOADED, 1);
    expect(0, VERDICT_OVERLOADED, 2);
    assert_int_equal(queue_state(t.queue).running, 0);
}

static void test_lost_zygote_is_an_internal_error(void **state) {
    (void)state;
    bring_up();
    t.zygote.on_script = is_slow;
    ask(0);
    ask(1);
    fake_wait_ms(t.loop, 20);
    fake_zygote_done(&t.zygote);
    fake_wait_ms(t.loop, 20);
    expect(0, VERDICT_INTERNAL, 1);
    assert_int_equal(queue_state(t.queue).waiting, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_first_come_first_served),
        TEST(test_full),
        TEST(test_retry_after_grows_with_what_runs),
        TEST(test_retry_after_follows_the_runs_before),
        TEST(test_one_at_a_time),
        TEST(test_waited_too_long),
        TEST(test_waits_for_the_zygote),
        TEST(test_cancel),
        TEST(test_cancelled_run_keeps_its_place_until_it_ended),
        TEST(test_a_slot_without_a_worker_is_waited_for_no_longer),
        TEST(test_drain),
        TEST(test_end),
        TEST(test_lost_zygote_is_an_internal_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
