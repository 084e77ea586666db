/* pool: a worker that does not start fails the claim that it was for, and one that cannot be asked
 * for fails none. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "claimed_pool.h"

static void test_set_up_failed(void **state) {
    struct setup_failure failure = {.stage = STAGE_SECCOMP, .error = EPERM};
    (void)state;
    start(0, true);
    claim(&t.a);
    fake_wait_ms(t.loop, 20);
    fake_frame(&t.zygote.workers[0], FRAME_SETUP_FAILED, &failure, sizeof(failure));
    fake_wait_ms(t.loop, 20);
    assert_int_equal(t.a.failures, 1);
    assert_int_equal(t.a.stage, STAGE_SECCOMP);
}

/* The reason still lies in the channel when the end is told. */
static void test_set_up_failed_and_ended(void **state) {
    struct setup_failure failure = {.stage = STAGE_MOUNTS, .error = EPERM};
    (void)state;
    start(0, true);
    claim(&t.a);
    fake_wait_ms(t.loop, 20);
    fake_frame(&t.zygote.workers[0], FRAME_SETUP_FAILED, &failure, sizeof(failure));
    fake_end(&t.zygote.workers[0], 0, 0);
    fake_wait_ms(t.loop, 20);
    assert_int_equal(t.a.failures, 1);
    assert_int_equal(t.a.stage, STAGE_MOUNTS);
}

static void test_not_started(void **state) {
    (void)state;
    start(0, true);
    claim(&t.a);
    fake_wait_ms(t.loop, 20);
    struct zygote_event event = {.type = ZYGOTE_ENDED,
                                 .run = t.zygote.workers[0].run,
                                 .flags = ENDED_NOT_STARTED,
                                 .stage = STAGE_SPAWN,
                                 .error = EAGAIN};
    fake_send_event(&t.zygote, &event);
    fake_wait_ms(t.loop, 20);
    assert_int_equal(t.a.failures, 1);
    assert_int_equal(t.a.stage, STAGE_SPAWN);
}

static void test_failure_does_not_take_anothers_worker(void **state) {
    (void)state;
    start(1, true);
    claim(&t.a);
    fake_wait_ms(t.loop, 20);
    assert_int_equal(t.zygote.spawned, 2);
    fake_end(&t.zygote.workers[0], 0, 0);
    fake_wait_ms(t.loop, 20);
    assert_int_equal(t.a.failures, 0);
    fake_frame(&t.zygote.workers[1], FRAME_READY, NULL, 0);
    fake_wait_ms(t.loop, 20);
    assert_int_equal(t.a.workers, 1);
}

static void limit_descriptors(rlim_t soft) {
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = soft;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void test_a_passing_shortage_costs_no_claim(void **state) {
    struct rlimit before;
    (void)state;
    start(0, false);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    limit_descriptors(4);
    claim(&t.a);
    claim(&t.b);
    fake_wait_ms(t.loop, 150);
    limit_descriptors(before.rlim_cur);
    assert_int_equal(t.a.workers + t.b.workers, 0);
    /* The pauses between the attempts grow with what the wait above has really taken. */
    for (int i = 0; i < 2000 && t.a.workers + t.b.workers < 2; i++)
        fake_wait_ms(t.loop, 10);
    assert_int_equal(t.a.failures + t.b.failures, 0);
    assert_int_equal(t.a.workers + t.b.workers, 2);
}

static void end_zygote(void *context) {
    fake_zygote_done(context);
}

/* Whoever asks before the loss is noticed waits for the next zygote. */
static void test_a_zygote_that_has_just_died_costs_no_claim(void **state) {
    struct loop_timer timer = {0};
    (void)state;
    start(0, false);
    /* After the round has looked at the channel, before the claim's worker is asked for. */
    loop_timer_start(t.loop, &timer, 0, end_zygote, &t.zygote);
    claim(&t.a);
    fake_wait_ms(t.loop, 20);
    assert_int_equal(t.a.failures + t.a.losses, 0);
    assert_false(pool_is_up(t.pool));
    fake_zygote_init(&t.zygote, t.loop);
    assert_int_equal(pool_zygote_take(t.pool, t.zygote.server_end), 0);
    fake_wait_ms(t.loop, 20);
    assert_int_equal(t.a.workers, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_set_up_failed),
        TEST(test_set_up_failed_and_ended),
        TEST(test_not_started),
        TEST(test_failure_does_not_take_anothers_worker),
        TEST(test_a_passing_shortage_costs_no_claim),
        TEST(test_a_zygote_that_has_just_died_costs_no_claim),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
