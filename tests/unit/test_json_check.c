/*
 * Unit tests of json_check: what is JSON, and which fault is told where.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "json_check.h"
#include "json_check_expect.h"

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
        cmocka_unit_test(test_no_prefix_is_whole),
        cmocka_unit_test(test_every_fault_has_a_text_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
