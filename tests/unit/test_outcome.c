/*
 * Unit tests of outcome: the words, what a worker may claim, messages and their ceiling.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "outcome.h"

static void test_words(void **state) {
    (void)state;
    static const struct {
        enum verdict verdict;
        const char *word;
        bool from_worker;
    } rows[] = {
        {VERDICT_SUCCESS, "success", false},
        {VERDICT_NO_MAIN, "no_main", true},
        {VERDICT_SYNTAX_ERROR, "syntax_error", true},
        {VERDICT_INVALID_REQUEST, "invalid_request", true},
        {VERDICT_EXCEPTION, "exception", true},
        {VERDICT_EXITED, "exited", true},
        {VERDICT_KILLED, "killed", false},
        {VERDICT_BAD_RESULT, "bad_result", true},
        {VERDICT_TIMEOUT, "timeout", false},
        {VERDICT_MEMORY, "memory", true},
        {VERDICT_OUTPUT, "output", true},
        {VERDICT_OVERLOADED, "overloaded", false},
        {VERDICT_INTERNAL, "internal", false},
    };
    assert_int_equal(sizeof(rows) / sizeof(rows[0]), VERDICT_COUNT);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_string_equal(verdict_word(rows[i].verdict), rows[i].word);
        int expected = rows[i].from_worker ? (int)rows[i].verdict : -EINVAL;
        assert_int_equal(verdict_from_worker(rows[i].word), expected);
    }
    static const char *const strangers[] = {"", "Exception", "no_main ", "no", "\xff", "invalid"};
    for (size_t i = 0; i < sizeof(strangers) / sizeof(strangers[0]); i++)
        assert_int_equal(verdict_from_worker(strangers[i]), -EINVAL);
}

static void test_init_gives_each_buffer_its_ceiling(void **state) {
    (void)state;
    struct outcome outcome;
    memset(&outcome, 0x5a, sizeof(outcome));
    outcome_init(&outcome, 1000, 30);
    assert_int_equal(outcome.verdict, VERDICT_SUCCESS);
    assert_false(outcome.started);
    assert_int_equal(outcome.queue_us, 0);
    assert_int_equal(outcome.run_us, 0);
    assert_int_equal(outcome.retry_after_s, 0);
    assert_int_equal(buf_room(&outcome.result), 1000);
    assert_int_equal(buf_room(&outcome.stdout_bytes), 1000);
    assert_int_equal(buf_room(&outcome.stderr_bytes), 1000);
    assert_int_equal(buf_room(&outcome.message), 30);
    assert_int_equal(buf_room(&outcome.traceback), 30);
    outcome_done(&outcome);
}

static void test_set_replaces_the_message_and_keeps_what_was_printed(void **state) {
    (void)state;
    struct outcome outcome;
    outcome_init(&outcome, 1000, 20);
    assert_int_equal(buf_append_text(&outcome.stdout_bytes, "printed"), 0);
    outcome_set(&outcome, VERDICT_EXCEPTION, "%s: %d", "first", 1);
    assert_int_equal(outcome.verdict, VERDICT_EXCEPTION);
    assert_string_equal(outcome.message.data, "first: 1");
    outcome_set(&outcome, VERDICT_MEMORY, "%s!", outcome.message.data);
    assert_int_equal(outcome.verdict, VERDICT_MEMORY);
    assert_string_equal(outcome.message.data, "first: 1!");
    assert_int_equal(outcome.message.size, 9);
    assert_string_equal(outcome.stdout_bytes.data, "printed");
    outcome_done(&outcome);
    assert_null(outcome.message.data);
    assert_null(outcome.stdout_bytes.data);
}

static void test_set_cuts_at_the_ceiling(void **state) {
    (void)state;
    static const struct {
        const char *text, *message;
    } rows[] = {
        {"", ""},
        {"exactly ten", "exactly te"},
        {"exactly 10", "exactly 10"},
        {"nine byte", "nine byte"},
        {"a much longer text than fits", "a much lon"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct outcome outcome;
        outcome_init(&outcome, 0, 10);
        outcome_set(&outcome, VERDICT_INTERNAL, "%s", rows[i].text);
        assert_string_equal(outcome.message.data, rows[i].message);
        assert_int_equal(outcome.message.size, strlen(rows[i].message));
        assert_int_equal(outcome.message.ceiling, 10);
        outcome_done(&outcome);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_init_gives_each_buffer_its_ceiling),
        cmocka_unit_test(test_set_replaces_the_message_and_keeps_what_was_printed),
        cmocka_unit_test(test_set_cuts_at_the_ceiling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
