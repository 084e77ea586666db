/* run: what a worker says becomes the answer, if it is one of the things that it may say, and the
 * answer comes when nothing of the worker is left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "played_run.h"

WORKER(returns_two_values, FRAME_RESULT, "1 2")
WORKER(returns_nothing, FRAME_RESULT, "")
WORKER(has_no_main, FRAME_ERROR, "no_main\0Script must contain a 'main()' function\0")
WORKER(claims_output, FRAME_ERROR, "output\0anything\0")
WORKER(claims_internal, FRAME_ERROR, "internal\0anything\0")
WORKER(says_two_texts, FRAME_ERROR, "exception\0KeyError")
WORKER(says_ready_again, FRAME_READY, "")

static void promises_too_long_a_result(struct fake_worker *worker) {
    sends_header(worker, FRAME_RESULT, (1u << 20) + 1);
}
static void promises_too_long_an_error(struct fake_worker *worker) {
    sends_header(worker, FRAME_ERROR, UINT32_MAX);
}

static void test_result(void **state) {
    (void)state;
    play(returns);
    expect(VERDICT_SUCCESS, "");
    assert_string_equal(t.result, "{\"a\": 12345678901234567890123}");
    assert_int_equal(t.stdout_size, 4);
    assert_int_equal(t.stderr_size, 3);
    assert_int_equal(t.zygote.killed, 1);
}

static void test_result_is_found_after_the_end(void **state) {
    (void)state;
    play(returns_and_leaves);
    expect(VERDICT_SUCCESS, "");
    assert_int_equal(t.stdout_size, 4);
}

static void test_result_waits_for_the_end(void **state) {
    (void)state;
    t.zygote.immortal = true;
    t.zygote.on_script = returns;
    start("x");
    fake_wait_ms(t.loop, 100);
    assert_int_equal(t.zygote.killed, 1);
    assert_int_equal(t.answers, 0);
    fake_end(&t.zygote.workers[t.run.claim.worker->slot], 0, 0);
    loop_run(t.loop);
    expect(VERDICT_SUCCESS, "");
}

static void test_bad_results(void **state) {
    (void)state;
    play(returns_two_values);
    assert_int_equal(t.verdict, VERDICT_BAD_RESULT);
    forget_run();
    play(returns_nothing);
    assert_int_equal(t.verdict, VERDICT_BAD_RESULT);
}

static void test_error(void **state) {
    (void)state;
    play(raises);
    expect(VERDICT_EXCEPTION, "KeyError: 'x'");
    assert_string_equal(t.traceback, "Traceback");
    assert_true(t.started);
}

static void test_no_main_has_not_started(void **state) {
    (void)state;
    play(has_no_main);
    expect(VERDICT_NO_MAIN, "Script must contain a 'main()' function");
    assert_false(t.started);
}

static void test_claimed_limits_get_our_text(void **state) {
    (void)state;
    play(claims_memory);
    expect(VERDICT_MEMORY, "Memory limit exceeded (300MB limit)");
    forget_run();
    play(claims_output);
    expect(VERDICT_OUTPUT, "Output limit exceeded (1MB limit)");
}

static void test_broken_frames(void **state) {
    void (*const workers[])(struct fake_worker *) = {claims_success, claims_internal,
                                                     says_two_texts, says_ready_again,
                                                     promises_too_long_an_error};
    (void)state;
    for (size_t i = 0; i < sizeof(workers) / sizeof(workers[0]); i++) {
        play(workers[i]);
        expect(VERDICT_EXITED, "Script ended without returning a result");
        forget_run();
    }
}

static void test_result_over_the_cap(void **state) {
    (void)state;
    play(promises_too_long_a_result);
    expect(VERDICT_OUTPUT, "Output limit exceeded (1MB limit)");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_result),
        TEST(test_result_is_found_after_the_end),
        TEST(test_result_waits_for_the_end),
        TEST(test_bad_results),
        TEST(test_error),
        TEST(test_no_main_has_not_started),
        TEST(test_claimed_limits_get_our_text),
        TEST(test_broken_frames),
        TEST(test_result_over_the_cap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
