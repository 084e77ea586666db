/*
 * Unit tests of json_check: what is JSON, which fault is told where, what members are reported.
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

static const struct json_limits wide = {.depth = JSON_MAX_DEPTH};

/* The text goes into a block of its own size, so that a sanitizer sees a read over its end. */
static struct json_report check(const char *text, size_t size, const struct json_limits *limits) {
    char *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, text, size);
    struct json_report report = json_check(copy, size, limits, NULL, NULL);
    free(copy);
    return report;
}

static void expect(const char *text, size_t size, enum json_fault fault, size_t offset) {
    struct json_report report = check(text, size, &wide);
    if (report.fault != fault || (fault != JSON_OK && report.offset != offset))
        fail_msg("%.*s: fault %d at %zu, expected %d at %zu", (int)size, text, report.fault,
                 report.offset, fault, offset);
}

static void test_values(void **state) {
    (void)state;
    static const struct {
        const char *text;
        enum json_type type;
    } rows[] = {
        {"null", JSON_NULL},
        {"true", JSON_TRUE},
        {" false ", JSON_FALSE},
        {"0", JSON_NUMBER},
        {"-0", JSON_NUMBER},
        {"-0.0", JSON_NUMBER},
        {"12345678901234567890123", JSON_NUMBER},
        {"0.1", JSON_NUMBER},
        {"1e5", JSON_NUMBER},
        {"1E+05", JSON_NUMBER},
        {"-10.250e-007", JSON_NUMBER},
        {"1e999999", JSON_NUMBER},
        {"\"\"", JSON_STRING},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uABCD\\uabcd\"", JSON_STRING},
        {"\"\x7f\"", JSON_STRING},
        {"[]", JSON_ARRAY},
        {"\t[ \n\r] ", JSON_ARRAY},
        {"[1,[2,{}],{\"a\":[]}]", JSON_ARRAY},
        {"{}", JSON_OBJECT},
        {"{ \"\" : 1 , \"\" : 2 }", JSON_OBJECT},
        {"{\"a\":{\"b\":{\"c\":[null,true,false]}}}", JSON_OBJECT},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *text = rows[i].text;
        struct json_report report = check(text, strlen(text), &wide);
        if (report.fault != JSON_OK || report.value.type != rows[i].type)
            fail_msg("%s: fault %d, type %d", text, report.fault, report.value.type);
        size_t start = strspn(text, " \t\r\n");
        assert_int_equal(report.value.start, start);
        size_t end = strlen(text);
        while (strchr(" \t\r\n", text[end - 1]))
            end--;
        assert_int_equal(report.value.size, end - start);
    }
}

static void test_faults(void **state) {
    (void)state;
    static const struct {
        const char *text;
        enum json_fault fault;
        size_t offset;
    } rows[] = {
        {"", JSON_EMPTY, 0},
        {" \n\t\r", JSON_EMPTY, 4},
        {"01", JSON_SYNTAX, 1},
        {"-01", JSON_SYNTAX, 2},
        {"+1", JSON_SYNTAX, 0},
        {".5", JSON_SYNTAX, 0},
        {"1.", JSON_UNFINISHED, 2},
        {"1.x", JSON_SYNTAX, 2},
        {"[1.]", JSON_SYNTAX, 3},
        {"1e", JSON_UNFINISHED, 2},
        {"1e+", JSON_UNFINISHED, 3},
        {"1e+]", JSON_SYNTAX, 3},
        {"1.5.2", JSON_SYNTAX, 3},
        {"0x10", JSON_SYNTAX, 1},
        {"1_000", JSON_TRAILING, 1},
        {"-", JSON_UNFINISHED, 1},
        {"--1", JSON_SYNTAX, 1},
        {"NaN", JSON_SYNTAX, 0},
        {"nan", JSON_SYNTAX, 1},
        {"Infinity", JSON_SYNTAX, 0},
        {"-Infinity", JSON_SYNTAX, 1},
        {"nul", JSON_UNFINISHED, 3},
        {"nulL", JSON_SYNTAX, 3},
        {"nullx", JSON_SYNTAX, 4},
        {"True", JSON_SYNTAX, 0},
        {"truefalse", JSON_SYNTAX, 4},
        {"true false", JSON_TRAILING, 5},
        {"1 2", JSON_TRAILING, 2},
        {"{}{}", JSON_TRAILING, 2},
        {"{} // no", JSON_TRAILING, 3},
        {"[],", JSON_TRAILING, 2},
        {"[]]", JSON_TRAILING, 2},
        {"\"a\"\"b\"", JSON_TRAILING, 3},
        {"'a'", JSON_SYNTAX, 0},
        {"\"a", JSON_UNFINISHED, 2},
        {"\"\\", JSON_UNFINISHED, 2},
        {"\"\\x41\"", JSON_SYNTAX, 2},
        {"\"\\u12", JSON_UNFINISHED, 5},
        {"\"\\u12g4\"", JSON_SYNTAX, 5},
        {"\"\\U0041\"", JSON_SYNTAX, 2},
        {"\"\\ud800\\u12g4\"", JSON_SYNTAX, 11},
        {"\"a\nb\"", JSON_SYNTAX, 2},
        {"[", JSON_UNFINISHED, 1},
        {"[1", JSON_UNFINISHED, 2},
        {"[1,", JSON_UNFINISHED, 3},
        {"[1,]", JSON_SYNTAX, 3},
        {"[,1]", JSON_SYNTAX, 1},
        {"[1 2]", JSON_SYNTAX, 3},
        {"[1}", JSON_SYNTAX, 2},
        {"]", JSON_SYNTAX, 0},
        {"{", JSON_UNFINISHED, 1},
        {"{\"a\"", JSON_UNFINISHED, 4},
        {"{\"a\":", JSON_UNFINISHED, 5},
        {"{\"a\":1", JSON_UNFINISHED, 6},
        {"{\"a\":1,", JSON_UNFINISHED, 7},
        {"{\"a\":1,}", JSON_SYNTAX, 7},
        {"{\"a\" 1}", JSON_SYNTAX, 5},
        {"{\"a\",1}", JSON_SYNTAX, 4},
        {"{a:1}", JSON_SYNTAX, 1},
        {"{1:1}", JSON_SYNTAX, 1},
        {"{,}", JSON_SYNTAX, 1},
        {"{\"a\":1]", JSON_SYNTAX, 6},
        {"{\"a\":}", JSON_SYNTAX, 5},
        {"\xef\xbb\xbf{}", JSON_SYNTAX, 0},
        {"\xff\xfe{", JSON_BAD_UTF8, 0},
        {"{}\xff", JSON_TRAILING, 2},
        {"[\xff]", JSON_BAD_UTF8, 1},
        {"\xc2\xa0[]", JSON_SYNTAX, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        expect(rows[i].text, strlen(rows[i].text), rows[i].fault, rows[i].offset);
    expect("[]\0", 3, JSON_TRAILING, 2);
    expect("\0", 1, JSON_SYNTAX, 0);
    assert_int_equal(json_check(NULL, 0, &wide, NULL, NULL).fault, JSON_EMPTY);
}

static void test_utf8_in_strings(void **state) {
    (void)state;
    static const struct {
        const char *inside;
        bool good;
    } rows[] = {
        {"\xc2\x80", true},
        {"\xdf\xbf", true},
        {"\xe0\xa0\x80", true},
        {"\xed\x9f\xbf", true},
        {"\xee\x80\x80", true},
        {"\xef\xbf\xbf", true},
        {"\xf0\x90\x80\x80", true},
        {"\xf4\x8f\xbf\xbf", true},
        {"\xc0\x80", false},
        {"\xc1\xbf", false},
        {"\xe0\x9f\xbf", false},
        {"\xed\xa0\x80", false},
        {"\xed\xbf\xbf", false},
        {"\xf0\x8f\xbf\xbf", false},
        {"\xf4\x90\x80\x80", false},
        {"\xf5\x80\x80\x80", false},
        {"\x80", false},
        {"\xbf", false},
        {"\xc2", false},
        {"\xe2\x82", false},
        {"\xf0\x9f\x98", false},
        {"\xfe", false},
        {"\xff", false},
        {"\xe2\x28\xa1", false},
    };
    /* In front of it so many plain bytes that every place in a word of eight comes up. */
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (int plain = 0; plain < 20; plain++) {
            char text[64];
            int size = snprintf(text, sizeof(text), "\"%.*s%s\"", plain, "abcdefghijklmnopqrstuv",
                                rows[i].inside);
            if (rows[i].good)
                expect(text, (size_t)size, JSON_OK, 0);
            else
                expect(text, (size_t)size, JSON_BAD_UTF8, (size_t)plain + 1);
        }
    }
    expect("\"\xe2\x82", 3, JSON_UNFINISHED, 3);
}

static void test_every_byte_in_a_string(void **state) {
    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        for (size_t before = 0; before < 17; before++) {
            char text[40] = "\"aaaaaaaaaaaaaaaaa";
            size_t size = before + 1;
            text[size++] = (char)byte;
            memcpy(text + size, "zzzzzzzzz\"", 10);
            size += 10;
            enum json_fault fault = byte < 0x20    ? JSON_SYNTAX
                                    : byte >= 0x80 ? JSON_BAD_UTF8
                                    : byte == '"'  ? JSON_TRAILING
                                    : byte == '\\' ? JSON_SYNTAX
                                                   : JSON_OK;
            bool behind = byte == '"' || byte == '\\';
            expect(text, size, fault, before + 1 + (behind ? 1 : 0));
        }
    }
}

static void test_every_byte_behind_a_backslash(void **state) {
    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        char text[] = "\"\\?zzzzz\"";
        text[2] = (char)byte;
        bool good = byte && strchr("\"\\/bfnrt", byte);
        struct json_report report = check(text, sizeof(text) - 1, &wide);
        assert_int_equal(report.fault == JSON_OK, good);
        if (!good)
            assert_int_equal(report.offset, byte == 'u' ? 3 : 2);
    }
}

/* Text with one of everything. */
static const char corpus[] =
    "{ \"script\": \"def main():\\n\\treturn 'h\\u00e9\\ud83d\\ude00 \xf0\x9f\x98\x80\xc3\xa9'\","
    " \"args\" : [1, -0.5e+10, true, false, null, {\"k\": [[], {}]}], \"\\\"\": 0 }";

static void test_no_prefix_is_whole(void **state) {
    (void)state;
    size_t size = sizeof(corpus) - 1;
    expect(corpus, size, JSON_OK, 0);
    for (size_t cut = 0; cut < size; cut++)
        expect(corpus, cut, cut == 0 ? JSON_EMPTY : JSON_UNFINISHED, cut);
}

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

static void test_escapes_are_told_apart(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool nul, lone;
    } rows[] = {
        {"\"\\u0000\"", true, false},
        {"\"\\\\u0000\"", false, false},
        {"\"\\u0001\\u000a\"", false, false},
        {"\"\\ud83d\\ude00\"", false, false},
        {"\"\\uD83D\\uDE00\"", false, false},
        {"\"\\ud83d\"", false, true},
        {"\"\\ude00\"", false, true},
        {"\"\\ude00\\ud83d\"", false, true},
        {"\"\\ud83d\\ud83d\\ude00\"", false, true},
        {"\"\\ud83dx\\ude00\"", false, true},
        {"\"\\ud83d\\n\"", false, true},
        {"\"\\ud83d\\u0041\"", false, true},
        {"\"\\ud83d\\u0000\"", true, true},
        {"\"\\ud7ff\\ue000\"", false, false},
        {"\"\\udbff\\udfff\"", false, false},
        {"\"\\udbff\\udc00\"", false, false},
        {"\"\\ud800\\udbff\"", false, true},
        {"[[\"\\u0000\"],1]", true, false},
        {"{\"\\udc00\":1}", false, true},
        {"{\"a\":1,\"b\":[{\"c\":\"\\u0000\"}],\"d\":0}", true, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct json_report report = check(rows[i].text, strlen(rows[i].text), &wide);
        if (report.fault != JSON_OK || report.value.has_nul != rows[i].nul ||
            report.value.has_lone_surrogate != rows[i].lone)
            fail_msg("%s: fault %d, nul %d, lone %d", rows[i].text, report.fault,
                     report.value.has_nul, report.value.has_lone_surrogate);
    }
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

static void test_every_fault_has_a_text_of_its_own(void **state) {
    (void)state;
    for (int a = JSON_OK; a <= JSON_TOO_MANY; a++) {
        for (int b = JSON_OK; b < a; b++)
            assert_string_not_equal(json_fault_text((enum json_fault)a),
                                    json_fault_text((enum json_fault)b));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_utf8_in_strings),
        cmocka_unit_test(test_every_byte_in_a_string),
        cmocka_unit_test(test_every_byte_behind_a_backslash),
        cmocka_unit_test(test_no_prefix_is_whole),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_brackets_match_at_every_depth),
        cmocka_unit_test(test_number_of_values),
        cmocka_unit_test(test_escapes_are_told_apart),
        cmocka_unit_test(test_members_of_the_outermost_value),
        cmocka_unit_test(test_every_fault_has_a_text_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
