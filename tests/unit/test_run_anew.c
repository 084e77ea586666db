/* run: while a script cannot have begun another worker may be given its request, which is kept
 * until then and no longer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "played_run.h"

/* Its worker gets the script, but does not read it. */
static struct fake_worker *start_unread(void) {
    t.zygote.deaf = true;
    while (pool_ready_count(t.pool) == 0)
        fake_wait_ms(t.loop, 5);
    start("def main(): pass");
    assert_int_equal(t.run.state, RUN_RUNNING);
    return taken();
}

static void test_another_worker_takes_what_was_not_begun(void **state) {
    (void)state;
    struct fake_worker *first = start_unread();
    t.zygote.deaf = false;
    t.zygote.on_script = returns;
    fake_end(first, ENDED_STATUS_KNOWN, 9);
    loop_run(t.loop);
    expect(VERDICT_SUCCESS, "");
    assert_int_equal(t.stdout_size, 4);
    fake_wait_ms(t.loop, 20);
    assert_int_equal(t.answers, 1);
}

static void test_another_worker_takes_what_could_not_be_sent(void **state) {
    (void)state;
    while (pool_ready_count(t.pool) == 0)
        fake_wait_ms(t.loop, 5);
    t.zygote.on_script = returns;
    for (int i = 0; i < FAKE_SLOTS; i++)
        if (t.zygote.workers[i].alive)
            fake_end(&t.zygote.workers[i], ENDED_STATUS_KNOWN, 9);
    start("def main(): pass"); /* before the loop has heard of it */
    loop_run(t.loop);
    expect(VERDICT_SUCCESS, "");
}

/* It would be too much for the next one as well. */
static void test_what_is_too_much_is_not_begun_anew(void **state) {
    (void)state;
    fake_end(start_unread(), ENDED_STATUS_KNOWN | ENDED_OUT_OF_MEMORY, 9);
    loop_run(t.loop);
    expect(VERDICT_MEMORY, "Memory limit exceeded (300MB limit)");
    assert_false(t.started);
    assert_int_equal(t.run.began_anew, 0);
}

static void test_it_is_begun_anew_so_often(void **state) {
    (void)state;
    struct fake_worker *worker = start_unread();
    for (uint64_t i = 0; i < config_total_slots(&t.config); i++) {
        uint64_t run = worker->run;
        fake_end(worker, ENDED_STATUS_KNOWN, 9);
        while (t.run.state != RUN_RUNNING || taken()->run == run)
            fake_wait_ms(t.loop, 1);
        worker = taken();
    }
    assert_int_equal(t.answers, 0);
    fake_end(worker, ENDED_STATUS_KNOWN, 9);
    loop_run(t.loop);
    assert_int_equal(t.verdict, VERDICT_INTERNAL);
    fake_wait_ms(t.loop, 20);
    assert_int_equal(t.answers, 1);
}

/* Not as often as those that waited: each is a start that takes time. */
static void test_a_start_that_fails_is_tried_once_more(void **state) {
    (void)state;
    t.zygote.mute = true;
    start("script");
    while (t.answers == 0) {
        fake_wait_ms(t.loop, 5);
        for (int i = 0; i < FAKE_SLOTS; i++)
            if (t.zygote.workers[i].alive)
                fake_end(&t.zygote.workers[i], ENDED_STATUS_KNOWN, 9);
    }
    expect(VERDICT_INTERNAL, "The sandbox could not be set up (stage unknown)");
    assert_int_equal(t.run.began_anew, 1);
}

static void test_what_has_begun_is_not_begun_anew(void **state) {
    (void)state;
    t.zygote.on_script = sleeps;
    start("x");
    fake_wait_ms(t.loop, 50);
    fake_end(taken(), ENDED_STATUS_KNOWN, 9);
    loop_run(t.loop);
    expect(VERDICT_KILLED, "Script was killed by signal 9 (SIGKILL)");
}

/* ---- the request ---- */

/* Until then another worker may have to be given it. */
static void test_request_is_kept_until_the_first_byte(void **state) {
    (void)state;
    t.zygote.on_script = sleeps;
    start("script");
    fake_wait_ms(t.loop, 50);
    assert_true(t.run.input.all_sent);
    assert_int_equal(run_request_bytes(&t.run), 6);
    assert_int_equal(write(taken()->out, "x", 1), 1);
    fake_wait_ms(t.loop, 5);
    assert_int_equal(run_request_bytes(&t.run), 0);
    assert_int_equal(t.run.state, RUN_RUNNING);
    fake_end(taken(), ENDED_STATUS_KNOWN, 3 << 8);
    loop_run(t.loop);
    assert_int_equal(t.verdict, VERDICT_EXITED);
}

static void test_request_that_was_read_can_be_reclaimed(void **state) {
    char read[100];
    (void)state;
    struct fake_worker *worker = start_unread();
    run_reclaim(&t.run);
    assert_int_not_equal(run_request_bytes(&t.run), 0);
    assert_int_not_equal(recv(worker->channel, read, 10, 0), -1);
    run_reclaim(&t.run);
    assert_int_not_equal(run_request_bytes(&t.run), 0);
    assert_true(recv(worker->channel, read, sizeof(read), 0) > 0);
    run_reclaim(&t.run);
    assert_int_equal(run_request_bytes(&t.run), 0);
    fake_end(worker, ENDED_STATUS_KNOWN, 9);
    loop_run(t.loop);
    expect(VERDICT_KILLED, "Script was killed by signal 9 (SIGKILL)");
}

/* Then nothing is in the channel any more, though it was not read. */
static void test_request_of_a_dead_worker_is_not_reclaimed(void **state) {
    (void)state;
    struct fake_worker *first = start_unread();
    t.zygote.deaf = false;
    t.zygote.on_script = returns;
    fake_end(first, ENDED_STATUS_KNOWN, 9);
    run_reclaim(&t.run);
    loop_run(t.loop);
    expect(VERDICT_SUCCESS, "");
    assert_int_equal(t.run.began_anew, 1);
}

static void test_request_is_given_up_with_the_verdict(void **state) {
    (void)state;
    t.timeout_us = 1000000;
    t.zygote.immortal = true;
    t.zygote.on_script = sleeps;
    start("script");
    while (t.run.state != RUN_ENDING)
        fake_wait_ms(t.loop, 50);
    assert_int_equal(run_request_bytes(&t.run), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_another_worker_takes_what_was_not_begun),
        TEST(test_another_worker_takes_what_could_not_be_sent),
        TEST(test_what_is_too_much_is_not_begun_anew),
        TEST(test_it_is_begun_anew_so_often),
        TEST(test_a_start_that_fails_is_tried_once_more),
        TEST(test_what_has_begun_is_not_begun_anew),
        TEST(test_request_is_kept_until_the_first_byte),
        TEST(test_request_that_was_read_can_be_reclaimed),
        TEST(test_request_of_a_dead_worker_is_not_reclaimed),
        TEST(test_request_is_given_up_with_the_verdict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
