/*
 * Unit tests of json_check, of strings: every byte in one and behind a backslash, UTF-8, escapes
 * that are no text.
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_utf8_in_strings),
        cmocka_unit_test(test_every_byte_in_a_string),
        cmocka_unit_test(test_every_byte_behind_a_backslash),
        cmocka_unit_test(test_escapes_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
