/* run: what the answer is when a script ends, falls silent, takes too long, is stopped or loses its
 * zygote, and has said no result before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "played_run.h"

static void leaves_with_3(struct fake_worker *worker) {
    fake_end(worker, ENDED_STATUS_KNOWN, 3 << 8);
}
static void crashes(struct fake_worker *worker) {
    fake_end(worker, ENDED_STATUS_KNOWN, 11);
}
static void leaves_in_the_middle(struct fake_worker *worker) {
    sends_header(worker, FRAME_RESULT, 100);
    fake_end(worker, ENDED_STATUS_KNOWN, 0);
}
static void closes_its_channel(struct fake_worker *worker) {
    loop_file_remove(t.loop, &worker->file);
    shutdown(worker->channel, SHUT_RDWR);
}
/* As if it had run for so long. */
static void closes_its_channel_at_its_limit(struct fake_worker *worker) {
    t.run.started_us -= t.timeout_us;
    closes_its_channel(worker);
}

static void test_ends(void **state) {
    (void)state;
    play(leaves_with_3);
    expect(VERDICT_EXITED,
           "Script ended the interpreter with exit status 3 before main() returned");
    forget_run();
    play(crashes);
    expect(VERDICT_KILLED, "Script was killed by signal 11 (SIGSEGV)");
    forget_run();
    play(leaves_in_the_middle);
    expect(VERDICT_EXITED,
           "Script ended the interpreter with exit status 0 before main() returned");
}

static void test_closed_channel(void **state) {
    (void)state;
    int64_t start_us = loop_now_us();
    play(closes_its_channel);
    expect(VERDICT_EXITED, "Script ended without returning a result");
    assert_true(loop_now_us() - start_us < 20000000);
}

static void test_closed_channel_gives_little_overtime(void **state) {
    (void)state;
    t.zygote.on_script = closes_its_channel_at_its_limit;
    start("x");
    fake_wait_ms(t.loop, 20);
    int64_t limit_us = t.run.started_us + t.timeout_us;
    assert_true(t.run.state != RUN_RUNNING || t.run.timer.due_us < limit_us + 2000000);
    while (t.answers == 0)
        fake_wait_ms(t.loop, 20);
    expect(VERDICT_EXITED, "Script ended without returning a result");
}

static void test_timeout(void **state) {
    (void)state;
    t.timeout_us = 1000000;
    int64_t start_us = loop_now_us();
    play(sleeps);
    expect(VERDICT_TIMEOUT, "Script execution timed out (1s limit)");
    assert_true(loop_now_us() - start_us >= 1000000);
    assert_int_equal(t.zygote.killed, 1);
}

static void test_stop(void **state) {
    (void)state;
    t.zygote.on_script = sleeps;
    start("x");
    fake_wait_ms(t.loop, 50);
    run_stop(&t.run, VERDICT_OVERLOADED, "enough");
    assert_int_equal(t.answers, 0);
    loop_run(t.loop);
    expect(VERDICT_OVERLOADED, "enough");
}

static void test_lost_zygote(void **state) {
    (void)state;
    t.zygote.on_script = sleeps;
    start("x");
    fake_wait_ms(t.loop, 50);
    fake_zygote_done(&t.zygote);
    loop_run(t.loop);
    expect(VERDICT_INTERNAL, "The sandbox stopped before the script ended");
}

static void test_result_before_the_zygote_was_lost(void **state) {
    (void)state;
    t.zygote.on_script = sleeps;
    start("x");
    fake_wait_ms(t.loop, 50);
    struct fake_worker *worker = taken();
    fake_frame(worker, FRAME_RESULT, "1", 1);
    fake_zygote_done(&t.zygote);
    loop_run(t.loop);
    expect(VERDICT_SUCCESS, "");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_ends),
        TEST(test_closed_channel),
        TEST(test_closed_channel_gives_little_overtime),
        TEST(test_timeout),
        TEST(test_stop),
        TEST(test_lost_zygote),
        TEST(test_result_before_the_zygote_was_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
