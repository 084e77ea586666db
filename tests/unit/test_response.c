/*
 * Unit tests of response: bodies byte by byte, statuses, any bytes as text, any size of reads.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "json_check.h"
#include "response.h"

/* The whole body, read in pieces of chunk bytes; free() it. */
static char *read_body(struct response *response, size_t chunk, size_t *ret_size) {
    size_t expected = response_size(response), size = 0, part;
    char *body = malloc(expected + chunk + 1);
    assert_non_null(body);
    while ((part = response_read(response, body + size, chunk)) > 0) {
        size += part;
        assert_true(size <= expected);
        assert_true(part == chunk || size == expected);
    }
    assert_int_equal(size, expected);
    assert_int_equal(response_read(response, body + size, chunk), 0);
    body[size] = '\0';
    *ret_size = size;
    return body;
}

static void expect_body(struct response *response, const char *expected) {
    size_t size;
    char *body = read_body(response, 7, &size);
    assert_string_equal(body, expected);
    assert_int_equal(size, strlen(expected));
    free(body);
}

struct row {
    enum verdict verdict;
    bool started;
    const char *result, *message, *traceback, *printed, *complained;
    int status;
    const char *body;
};

static void fill(struct outcome *outcome, const struct row *row) {
    outcome_init(outcome, 100000, 100000);
    outcome->verdict = row->verdict;
    outcome->started = row->started;
    assert_int_equal(buf_append_text(&outcome->result, row->result), 0);
    assert_int_equal(buf_append_text(&outcome->message, row->message), 0);
    assert_int_equal(buf_append_text(&outcome->traceback, row->traceback), 0);
    assert_int_equal(buf_append_text(&outcome->stdout_bytes, row->printed), 0);
    assert_int_equal(buf_append_text(&outcome->stderr_bytes, row->complained), 0);
}

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

static void attach(struct outcome *outcome, uint32_t type, const char *bytes, size_t size) {
    struct buf payload;
    buf_init(&payload, size);
    assert_int_equal(buf_append(&payload, bytes, size), 0);
    assert_int_equal(attachments_take(&outcome->attachments, type, &payload, 1000), 0);
    assert_null(payload.data);
}

#define PNG "\x89PNG\r\n\x1a\n"

static const char with_everything[] =
    "{\"result\": 1, \"stdout\": \"\", \"stderr\": \"warned\\nnoted\\n\", \"figures\": ["
    "{\"format\": \"png\", \"data\": \"iVBORw0KGgox\"}, "
    "{\"format\": \"png\", \"data\": \"iVBORw0KGgo=\"}], \"files\": "
    "{\"a\\\"b\": {\"data\": \"\", \"size\": 0}, \"d/e\": {\"data\": \"AP8=\", \"size\": 2}}}";

/* Figures and files in the order of their kind, whatever came first; a note ends stderr on a line
 * of its own. */
static void fill_everything(struct outcome *outcome) {
    static const struct row row = {VERDICT_SUCCESS, true, "1", "", "", "", "warned", 200, NULL};
    fill(outcome, &row);
    outcome->files_asked = true;
    attach(outcome, FRAME_RETURNED, "a\"b\0", 4);
    attach(outcome, FRAME_FIGURE, PNG "1", 9);
    attach(outcome, FRAME_RETURNED, "d/e\0\0\xff", 6);
    attach(outcome, FRAME_FIGURE, PNG, 8);
    assert_int_equal(buf_append_text(&outcome->note, "noted\n"), 0);
}

static void test_attachments(void **state) {
    (void)state;
    for (size_t chunk = 1; chunk < 400; chunk++) {
        struct outcome outcome;
        struct response *response;
        size_t size;
        fill_everything(&outcome);
        assert_int_equal(response_new_take(&outcome, &response), 0);
        assert_null(outcome.attachments.items);
        outcome_done(&outcome);
        char *body = read_body(response, chunk, &size);
        assert_string_equal(body, with_everything);
        free(body);
        response_free(response);
    }
}

static void test_what_was_asked_for_is_there_if_empty(void **state) {
    (void)state;
    static const struct row row = {VERDICT_SUCCESS, true, "1", "", "", "", "", 200, NULL};
    struct outcome outcome;
    struct response *response;
    fill(&outcome, &row);
    outcome.files_asked = true;
    assert_int_equal(response_new_take(&outcome, &response), 0);
    expect_body(response, "{\"result\": 1, \"stdout\": \"\", \"files\": {}}");
    response_free(response);
}

/* They belong to a result. */
static void test_an_error_has_no_attachments(void **state) {
    (void)state;
    struct outcome outcome;
    struct response *response;
    fill_everything(&outcome);
    outcome_set(&outcome, VERDICT_MEMORY, "m");
    assert_int_equal(response_new_take(&outcome, &response), 0);
    expect_body(response, "{\"error\": \"m\", \"outcome\": \"memory\", \"stdout\": \"\", "
                          "\"stderr\": \"warned\"}");
    assert_true(response_held_bytes(response) > 27);
    response_free(response);
    outcome_done(&outcome);
}

static void test_any_size_of_reads_gives_the_same(void **state) {
    (void)state;
    static const struct row row = {VERDICT_EXCEPTION,
                                   true,
                                   "",
                                   "\x01\x02 \xf0\x9f\x98\x80\xff",
                                   "\"\\\"\\",
                                   "plain \n\n\x1b[0m\xe2\x82\xac\xe2\x82 end\xf0\x9f",
                                   "\t\xc3\xa9",
                                   400,
                                   NULL};
    char *first = NULL;
    size_t first_size = 0;
    for (size_t chunk = 1; chunk < 260; chunk++) {
        struct outcome outcome;
        struct response *response;
        fill(&outcome, &row);
        assert_int_equal(response_new_take(&outcome, &response), 0);
        size_t size;
        char *body = read_body(response, chunk, &size);
        if (!first) {
            first = body;
            first_size = size;
        } else {
            assert_int_equal(size, first_size);
            assert_memory_equal(body, first, size);
            free(body);
        }
        response_free(response);
        outcome_done(&outcome);
    }
    assert_string_equal(
        first, "{\"error\": \"\\u0001\\u0002 \xf0\x9f\x98\x80\xef\xbf\xbd\", \"outcome\": "
               "\"exception\", \"stdout\": \"plain \\n\\n\\u001b[0m\xe2\x82\xac\xef\xbf\xbd "
               "end\xef\xbf\xbd\", \"stderr\": \"\\t\xc3\xa9\", \"traceback\": "
               "\"\\\"\\\\\\\"\\\\\"}");
    free(first);
}

/* What a text becomes in stdout, between its quotes. */
static void expect_encoding(const char *bytes, size_t size, const char *expected) {
    struct outcome outcome;
    struct response *response;
    outcome_init(&outcome, 1000, 10);
    assert_int_equal(buf_append_text(&outcome.result, "0"), 0);
    assert_int_equal(buf_append(&outcome.stdout_bytes, bytes, size), 0);
    assert_int_equal(response_new_take(&outcome, &response), 0);
    char whole[2000];
    snprintf(whole, sizeof(whole), "{\"result\": 0, \"stdout\": \"%s\"}", expected);
    expect_body(response, whole);
    response_free(response);
    outcome_done(&outcome);
}

/* Each row is what Python's bytes.decode("utf-8", "replace") gives; R is U+FFFD. */
#define R "\xef\xbf\xbd"

static void test_encoding(void **state) {
    (void)state;
    static const struct {
        const char *bytes, *expected;
    } texts[] = {
        {"\"\\/\b\f\n\r\t", "\\\"\\\\/\\b\\f\\n\\r\\t"},
        {"\x01\x1f\x7f", "\\u0001\\u001f\x7f"},
        {"\xc3\xa9\xe2\x80\xa8\xe2\x80\xa9\xf4\x8f\xbf\xbf",
         "\xc3\xa9\xe2\x80\xa8\xe2\x80\xa9\xf4\x8f\xbf\xbf"},
        {"a\x80z", "a" R "z"},
        {"\xc0\x80", R R},
        {"\xc2", R},
        {"\xc2z", R "z"},
        {"\xc2\xc3\xa9", R "\xc3\xa9"},
        {"\xe2\x82", R},
        {"\xe2\x82z", R "z"},
        {"\xe0\x80\x80", R R R},
        {"\xed\xa0\x80", R R R},
        {"\xf0\x9f\x98", R},
        {"\xf0\x9f\x98\"", R "\\\""},
        {"\xf0\x80\x80\x80", R R R R},
        {"\xf4\x90\x80\x80", R R R R},
        {"\xf5\xff\xfe", R R R},
        {"\xe2\x82\xe2\x82\xac", R "\xe2\x82\xac"},
        {"12345678\x80"
         "12345678\n",
         "12345678" R "12345678\\n"},
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        expect_encoding(texts[i].bytes, strlen(texts[i].bytes), texts[i].expected);
    expect_encoding("a\0b", 3, "a\\u0000b");
    expect_encoding(NULL, 0, "");
}

static void test_every_byte_is_encoded_everywhere(void **state) {
    (void)state;
    static const char *const letters[] = {
        ['\b'] = "\\b", ['\f'] = "\\f", ['\n'] = "\\n",  ['\r'] = "\\r",
        ['\t'] = "\\t", ['"'] = "\\\"", ['\\'] = "\\\\",
    };
    for (int byte = 0; byte < 256; byte++) {
        for (int before = 0; before < 18; before++) {
            char text[40], unit[8] = {(char)byte}, expected[64];
            memset(text, 'a', sizeof(text));
            text[before] = (char)byte;
            if (byte >= 0x80)
                strcpy(unit, R);
            else if (byte < (int)(sizeof(letters) / sizeof(letters[0])) && letters[byte])
                strcpy(unit, letters[byte]);
            else if (byte < 0x20)
                snprintf(unit, sizeof(unit), "\\u%04x", (unsigned)byte);
            snprintf(expected, sizeof(expected), "%.*s%s%s", before, "aaaaaaaaaaaaaaaaaaaa", unit,
                     "aaaaaaaaa");
            expect_encoding(text, (size_t)before + 10, expected);
        }
    }
}

static void test_error_text_is_cut_between_characters(void **state) {
    (void)state;
    static const struct {
        size_t plain;
        const char *tail;
        size_t kept; /* bytes of the tail */
        bool cut;
    } texts[] = {
        {4096, "", 0, false},
        {4095, "x", 1, false},
        {4096, "x", 0, true},
        {4092, "\xf0\x9f\x98\x80", 4, false},
        {4092, "\xf0\x9f\x98\x80x", 4, true},
        {4093, "\xf0\x9f\x98\x80", 0, true},
        {4094, "\xf0\x9f\x98\x80", 0, true},
        {4095, "\xf0\x9f\x98\x80", 0, true},
        {4095, "\xc3\xa9", 0, true},
        {4094, "\xc3\xa9", 2, false},
        {4094, "\xe2\x82\xac", 0, true},
        {50000, "", 0, true},
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct outcome outcome;
        struct response *response;
        outcome_init(&outcome, 0, 60000);
        for (size_t j = 0; j < texts[i].plain; j++)
            assert_int_equal(buf_append(&outcome.message, "m", 1), 0);
        assert_int_equal(buf_append_text(&outcome.message, texts[i].tail), 0);
        outcome.verdict = VERDICT_EXCEPTION;
        assert_int_equal(response_new_take(&outcome, &response), 0);
        size_t size;
        char *body = read_body(response, 1000, &size);
        size_t head = strlen("{\"error\": \""), plain = texts[i].plain;
        if (plain > 4096)
            plain = 4096;
        assert_int_equal(strspn(body + head, "m"), plain);
        assert_memory_equal(body + head + plain, texts[i].tail, texts[i].kept);
        assert_string_equal(body + head + plain + texts[i].kept,
                            texts[i].cut ? "\xe2\x80\xa6\", \"outcome\": \"exception\"}"
                                         : "\", \"outcome\": \"exception\"}");
        free(body);
        response_free(response);
        outcome_done(&outcome);
    }
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

static void test_bodies_are_json_for_any_bytes(void **state) {
    (void)state;
    uint32_t seed = 12345;
    const struct json_limits limits = {.depth = 4};
    for (int round = 0; round < 300; round++) {
        struct outcome outcome;
        struct response *response;
        outcome_init(&outcome, 1000, 5000);
        outcome.started = true;
        outcome.verdict = VERDICT_EXCEPTION;
        struct buf *bufs[] = {&outcome.message, &outcome.stdout_bytes, &outcome.stderr_bytes};
        for (size_t i = 0; i < 3; i++) {
            for (int j = 0; j < 200; j++) {
                seed = seed * 1664525 + 1013904223;
                char byte = (char)((seed >> 24) | (round % 2 ? 0x80 : 0));
                assert_int_equal(buf_append(bufs[i], &byte, 1), 0);
            }
        }
        assert_int_equal(response_new_take(&outcome, &response), 0);
        size_t size;
        char *body = read_body(response, (size_t)round + 1, &size);
        assert_int_equal(json_check(body, size, &limits, NULL, NULL).fault, JSON_OK);
        free(body);
        response_free(response);
        outcome_done(&outcome);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_attachments),
        cmocka_unit_test(test_what_was_asked_for_is_there_if_empty),
        cmocka_unit_test(test_an_error_has_no_attachments),
        cmocka_unit_test(test_any_size_of_reads_gives_the_same),
        cmocka_unit_test(test_encoding),
        cmocka_unit_test(test_every_byte_is_encoded_everywhere),
        cmocka_unit_test(test_error_text_is_cut_between_characters),
        cmocka_unit_test(test_take_leaves_the_outcome_empty_and_usable),
        cmocka_unit_test(test_held_bytes_cover_what_was_printed),
        cmocka_unit_test(test_errors_that_are_not_a_run),
        cmocka_unit_test(test_bodies_are_json_for_any_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
