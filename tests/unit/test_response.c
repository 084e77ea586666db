/*
 * Unit tests of response: bodies byte by byte, statuses, what a response takes and holds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "response.h"
#include "response_body.h"

static const struct row rows[] = {
    {VERDICT_SUCCESS, true, "42", "", "", "", "", 200, "{\"result\": 42, \"stdout\": \"\"}"},
    {VERDICT_SUCCESS, true, "{\"n\": 12345678901234567890123, \"x\": [0.1, -0.0]}", "unused",
     "unused", "hello\n", "", 200,
     "{\"result\": {\"n\": 12345678901234567890123, \"x\": [0.1, -0.0]}, \"stdout\": "
     "\"hello\\n\"}"},
    {VERDICT_SUCCESS, true, "null", "", "", "out", "err", 200,
     "{\"result\": null, \"stdout\": \"out\", \"stderr\": \"err\"}"},
    {VERDICT_NO_MAIN, false, "", "Script must contain a 'main()' function", "", "", "", 400,
     "{\"error\": \"Script must contain a 'main()' function\", \"outcome\": \"no_main\"}"},
    {VERDICT_EXCEPTION, true, "", "ZeroDivisionError: division by zero", "Traceback \"x\"\n", "1\n",
     "", 400,
     "{\"error\": \"ZeroDivisionError: division by zero\", \"outcome\": \"exception\", \"stdout\": "
     "\"1\\n\", \"traceback\": \"Traceback \\\"x\\\"\\n\"}"},
    {VERDICT_TIMEOUT, true, "7", "late", "", "", "warn", 400,
     "{\"error\": \"late\", \"outcome\": \"timeout\", \"stdout\": \"\", \"stderr\": \"warn\"}"},
    {VERDICT_KILLED, true, "", "by signal 11", "", "", "", 400,
     "{\"error\": \"by signal 11\", \"outcome\": \"killed\", \"stdout\": \"\"}"},
    {VERDICT_BAD_RESULT, true, "", "m", "t", "o", "e", 400,
     "{\"error\": \"m\", \"outcome\": \"bad_result\", \"stdout\": \"o\", \"stderr\": \"e\", "
     "\"traceback\": \"t\"}"},
    {VERDICT_SYNTAX_ERROR, true, "", "m", "", "", "", 400,
     "{\"error\": \"m\", \"outcome\": \"syntax_error\", \"stdout\": \"\"}"},
    {VERDICT_EXITED, true, "", "m", "", "", "", 400,
     "{\"error\": \"m\", \"outcome\": \"exited\", \"stdout\": \"\"}"},
    {VERDICT_MEMORY, true, "", "m", "", "", "", 400,
     "{\"error\": \"m\", \"outcome\": \"memory\", \"stdout\": \"\"}"},
    {VERDICT_OUTPUT, true, "", "m", "", "", "", 400,
     "{\"error\": \"m\", \"outcome\": \"output\", \"stdout\": \"\"}"},
    {VERDICT_SYNTAX_ERROR, false, "", "m", "t", "o", "e", 400,
     "{\"error\": \"m\", \"outcome\": \"syntax_error\", \"traceback\": \"t\"}"},
    {VERDICT_OVERLOADED, false, "", "m", "", "o", "e", 503,
     "{\"error\": \"m\", \"outcome\": \"overloaded\"}"},
    {VERDICT_INTERNAL, false, "", "sandbox: mounts", "", "", "", 500,
     "{\"error\": \"sandbox: mounts\", \"outcome\": \"internal\"}"},
    {VERDICT_INVALID_REQUEST, true, "", "Field 'args'", "", "o", "", 400,
     "{\"error\": \"Field 'args'\", \"outcome\": \"invalid_request\", \"stdout\": \"o\"}"},
};

static void test_bodies(void **state) {
    (void)state;
    unsigned seen = 0;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct outcome outcome;
        struct response *response;
        fill(&outcome, &rows[i]);
        assert_int_equal(response_new_take(&outcome, &response), 0);
        assert_int_equal(response_status(response), rows[i].status);
        expect_body(response, rows[i].body);
        response_free(response);
        outcome_done(&outcome);
        seen |= 1u << rows[i].verdict;
    }
    assert_int_equal(seen, (1u << VERDICT_COUNT) - 1);
}

static void test_take_leaves_the_outcome_empty_and_usable(void **state) {
    (void)state;
    struct outcome outcome;
    struct response *response;
    fill(&outcome, &rows[4]);
    outcome.queue_us = 12;
    outcome.run_us = 34;
    outcome.retry_after_s = 5;
    const char *printed = outcome.stdout_bytes.data;
    assert_int_equal(response_new_take(&outcome, &response), 0);
    assert_null(outcome.stdout_bytes.data);
    assert_null(outcome.message.data);
    assert_int_equal(buf_room(&outcome.stdout_bytes), 100000);
    assert_int_equal(buf_append_text(&outcome.stdout_bytes, "next"), 0);
    assert_ptr_not_equal(outcome.stdout_bytes.data, printed);
    outcome_done(&outcome);
    expect_body(response, rows[4].body);
    assert_int_equal(response_queue_us(response), 12);
    assert_int_equal(response_run_us(response), 34);
    assert_int_equal(response_retry_after_s(response), 0);
    response_free(response);

    fill(&outcome, &rows[13]);
    outcome.retry_after_s = 5;
    assert_int_equal(response_new_take(&outcome, &response), 0);
    assert_int_equal(response_retry_after_s(response), 5);
    response_free(response);
    outcome_done(&outcome);
}

static void test_held_bytes_cover_what_was_printed(void **state) {
    (void)state;
    struct outcome outcome;
    struct response *small, *large;
    fill(&outcome, &rows[0]);
    assert_int_equal(response_new_take(&outcome, &small), 0);
    fill(&outcome, &rows[0]);
    char *place = buf_reserve(&outcome.stdout_bytes, 90000);
    assert_non_null(place);
    memset(place, 0, 90000);
    buf_commit(&outcome.stdout_bytes, 90000);
    assert_int_equal(response_new_take(&outcome, &large), 0);
    assert_true(response_held_bytes(large) >= 90000);
    assert_true(response_held_bytes(large) <= 110000);
    assert_true(response_held_bytes(small) < 5000);
    assert_int_equal(response_size(large), response_size(small) + 6 * 90000);
    response_free(small);
    response_free(large);
    outcome_done(&outcome);
}

static void test_errors_that_are_not_a_run(void **state) {
    (void)state;
    struct response *response;
    char text[] = "No \"such\" path";
    assert_int_equal(response_new_error(404, "invalid_request", text, &response), 0);
    memset(text, 'x', sizeof(text) - 1);
    assert_int_equal(response_status(response), 404);
    assert_int_equal(response_queue_us(response), -1);
    assert_int_equal(response_run_us(response), -1);
    assert_int_equal(response_retry_after_s(response), 0);
    expect_body(response,
                "{\"error\": \"No \\\"such\\\" path\", \"outcome\": \"invalid_request\"}");
    response_free(response);
    response_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_take_leaves_the_outcome_empty_and_usable),
        cmocka_unit_test(test_held_bytes_cover_what_was_printed),
        cmocka_unit_test(test_errors_that_are_not_a_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
