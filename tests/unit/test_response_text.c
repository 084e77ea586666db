/*
 * Unit tests of response: any bytes as text, any size of reads, where an error's text is cut.
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
#include "response_body.h"

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
        cmocka_unit_test(test_any_size_of_reads_gives_the_same),
        cmocka_unit_test(test_encoding),
        cmocka_unit_test(test_every_byte_is_encoded_everywhere),
        cmocka_unit_test(test_error_text_is_cut_between_characters),
        cmocka_unit_test(test_bodies_are_json_for_any_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
