/*
 * Unit tests of json_check: values in values: how deep and how many they may be, where they end,
 * and which of them are told.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "json_check.h"
#include "json_check_expect.h"

static void test_depth(void **state) {
    (void)state;
    static const unsigned depths[] = {1, 2, 63, 64, 65, 66, 128, 1023, 1024};
    char text[2 * 2048];
    for (size_t i = 0; i < sizeof(depths) / sizeof(depths[0]); i++) {
        unsigned depth = depths[i];
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        struct json_limits limits = {.depth = depth};
        assert_int_equal(check(text, 2 * depth, &limits).fault, JSON_OK);
        limits.depth = depth - 1;
        struct json_report report = check(text, 2 * depth, &limits);
        assert_int_equal(report.fault, JSON_TOO_DEEP);
        assert_int_equal(report.offset, depth - 1);
    }
    memset(text, '[', sizeof(text));
    struct json_limits huge = {.depth = 1000000};
    struct json_report report = check(text, sizeof(text), &huge);
    assert_int_equal(report.fault, JSON_TOO_DEEP);
    assert_int_equal(report.offset, JSON_MAX_DEPTH);
    struct json_limits flat = {.depth = 0};
    assert_int_equal(check("1", 1, &flat).fault, JSON_OK);
    assert_int_equal(check("[]", 2, &flat).fault, JSON_TOO_DEEP);
}

/* Brackets of both kinds in an order that repeats nowhere near 64; one wrong end is noticed at
 * every depth. */
static void test_brackets_match_at_every_depth(void **state) {
    (void)state;
    enum { DEPTH = 200 };
    char text[DEPTH * 8], ends[DEPTH];
    size_t size = 0;
    for (unsigned i = 0; i < DEPTH; i++) {
        bool object = (i * i / 3) % 2;
        size += (size_t)sprintf(text + size, "%s", object ? "{\"k\":" : "[");
        ends[i] = object ? '}' : ']';
    }
    text[size++] = '0';
    size_t first_end = size;
    for (unsigned i = DEPTH; i-- > 0;)
        text[size++] = ends[i];
    expect(text, size, JSON_OK, 0);
    for (size_t at = first_end; at < size; at++) {
        char right = text[at];
        text[at] = right == '}' ? ']' : '}';
        expect(text, size, JSON_SYNTAX, at);
        text[at] = right;
    }
}

static void test_number_of_values(void **state) {
    (void)state;
    static const char text[] = "[1,\"a\",{\"k\":[null]},[]]"; /* 7 values; keys do not count */
    struct json_limits limits = {.depth = 8, .values = 7};
    assert_int_equal(check(text, strlen(text), &limits).fault, JSON_OK);
    limits.values = 6;
    struct json_report report = check(text, strlen(text), &limits);
    assert_int_equal(report.fault, JSON_TOO_MANY);
    assert_int_equal(report.offset, strlen(text) - 3);
    limits.values = 1;
    assert_int_equal(check("[]", 2, &limits).fault, JSON_OK);
    assert_int_equal(check("[1]", 3, &limits).fault, JSON_TOO_MANY);
}

struct log {
    const char *text;
    char lines[512];
    size_t size;
};

static void log_member(void *context, const struct json_span *key, const struct json_span *value) {
    struct log *log = context;
    static const struct json_span none;
    assert_true(!key || key->type == JSON_STRING);
    key = key ? key : &none;
    log->size +=
        (size_t)snprintf(log->lines + log->size, sizeof(log->lines) - log->size,
                         "%.*s%s%s %d %.*s%s%s\n", (int)key->size, log->text + key->start,
                         key->has_nul ? " nul" : "", key->has_lone_surrogate ? " lone" : "",
                         value->type, (int)value->size, log->text + value->start,
                         value->has_nul ? " nul" : "", value->has_lone_surrogate ? " lone" : "");
}

static void test_members_of_the_outermost_value(void **state) {
    (void)state;
    static const struct {
        const char *text, *lines;
    } rows[] = {
        {"{}", ""},
        {"[{\"a\":1}]", " 6 {\"a\":1}\n"},
        {"[]", ""},
        {"[\"\\u0000\",[[2]],3]", " 4 \"\\u0000\" nul\n 5 [[2]]\n 3 3\n"},
        {"\"{}\"", ""},
        {"{\"a\" : 1 , \"b\":\"x\"}", "\"a\" 3 1\n\"b\" 4 \"x\"\n"},
        {"{\"a\":{\"in\":{\"ner\":2}},\"a\":[ {\"x\":1} ]}",
         "\"a\" 6 {\"in\":{\"ner\":2}}\n\"a\" 5 [ {\"x\":1} ]\n"},
        {"{\"\\u0000\":null,\"b\":[\"\\ud800\"],\"c\":{\"\\u0000\":1},\"d\":true}",
         "\"\\u0000\" nul 0 null\n\"b\" 5 [\"\\ud800\"] lone\n\"c\" 6 {\"\\u0000\":1} nul\n"
         "\"d\" 2 true\n"},
        {"{\"\\udc00\":\"\\u0000\"}", "\"\\udc00\" lone 4 \"\\u0000\" nul\n"},
        {"{\"a\":1,\"b\":x}", "\"a\" 3 1\n"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct log log = {.text = rows[i].text};
        json_check(rows[i].text, strlen(rows[i].text), &wide, log_member, &log);
        assert_string_equal(log.lines, rows[i].lines);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_brackets_match_at_every_depth),
        cmocka_unit_test(test_number_of_values),
        cmocka_unit_test(test_members_of_the_outermost_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
