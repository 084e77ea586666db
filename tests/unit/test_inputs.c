/* Unit tests of inputs, with file_name and json_string: rows of bodies, what becomes of them. The
 * limits are small: 100 bytes in all, 60 a file. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "file_name.h"
#include "json_string.h"
#include "request.h"

static const struct request_limits limits = {
    .script_bytes = 100,
    .timeout_us = 1000000,
    .memory_bytes = 300 << 20,
    .least_memory_bytes = 32 << 20,
    .inputs = {.total_bytes = 100, .file_bytes = 60},
};

/* members: what stands behind the script, with its comma. */
static int parse(const char *members, struct request *request, struct request_error *error) {
    size_t size = strlen(members) + 32;
    char *body = malloc(size);
    assert_non_null(body);
    size = (size_t)snprintf(body, size, "{\"script\":\"x\"%s}", members);
    *error = (struct request_error){0};
    int result = request_parse(body, size, &limits, request, error);
    free(body);
    return result;
}

static void expect_refusal(const char *members, const char *text) {
    struct request request;
    struct request_error error;
    assert_int_equal(parse(members, &request, &error), -EINVAL);
    assert_string_equal(error.text, text);
    assert_int_equal(error.status, 400);
    assert_int_equal(request_held_bytes(&request), 0);
    assert_null(request.script);
}

static void test_all_of_them(void **state) {
    (void)state;
    struct request request;
    struct request_error error;
    assert_int_equal(parse(",\"return_files\":[\"*.csv\",\"out/\\u002a\"],\"args\": {\"a\": 1e400} "
                           ",\"stdin\":\"a\\u0000\\ud83d\\ude00\\n\",\"files\":{\"a\":\"QQ==\","
                           "\"d\\u002fb\":\"\\u002f/\\/\\/\",\"c\":\"\"}",
                           &request, &error),
                     0);
    const struct inputs *inputs = &request.inputs;
    assert_int_equal(inputs->args_size, 12);
    assert_memory_equal(inputs->args, "{\"a\": 1e400}", 12);
    assert_int_equal(inputs->stdin_size, 7);
    assert_memory_equal(inputs->stdin_bytes, "a\0\xf0\x9f\x98\x80\n", 7);
    assert_int_equal(inputs->patterns_size, 11);
    assert_memory_equal(inputs->patterns, "*.csv\0out/*", 11);
    assert_int_equal(inputs->file_count, 3);
    assert_int_equal(inputs->files[0].size, 3);
    assert_memory_equal(inputs->files[0].bytes, "a\0A", 3);
    assert_int_equal(inputs->files[1].size, 7);
    assert_memory_equal(inputs->files[1].bytes, "d/b\0\xff\xff\xff", 7);
    assert_int_equal(inputs->files[1].name_size, 3);
    assert_int_equal(inputs->files[2].size, 2);
    assert_int_equal(request_held_bytes(&request), 1 + 12 + 7 + 11 + 3 + 7 + 2);
    request_done(&request);
}

static void test_empty_ones(void **state) {
    (void)state;
    struct request request;
    struct request_error error;
    assert_int_equal(
        parse(",\"return_files\":[],\"args\":[],\"stdin\":\"\",\"files\":{}", &request, &error), 0);
    assert_int_equal(request.inputs.args_size, 2);
    assert_int_equal(request.inputs.stdin_size, 0);
    assert_int_equal(request.inputs.file_count, 0);
    assert_int_equal(request.inputs.patterns_size, 0);
    request_done(&request);
}

static void test_refusals(void **state) {
    (void)state;
    static const struct {
        const char *members, *text;
    } rows[] = {
        {",\"args\":null", "Field 'args' must be an object or an array"},
        {",\"args\":\"[]\"", "Field 'args' must be an object or an array"},
        {",\"args\":[],\"arg\\u0073\":[]", "Field 'args' appears more than once"},
        {",\"stdin\":[]", "Field 'stdin' must be a string"},
        {",\"stdin\":\"\\udc00\"", "Field 'stdin' must not contain a lone surrogate"},
        {",\"files\":[]", "Field 'files' must be an object of names and base64 strings"},
        {",\"files\":{\"a\":1}", "Field 'files' must have base64 strings as values"},
        {",\"files\":{\"a\\u0000\":\"\"}",
         "Field 'files': a name must not contain NUL or a lone surrogate"},
        {",\"files\":{\"../a\":\"\"}",
         "Field 'files': the name '../a' must not have '.' or '..' as a part"},
        {",\"files\":{\"script.py\":\"\"}", "Field 'files': 'script.py' is the script's own name"},
        {",\"files\":{\"a\":\"\",\"b\":\"\",\"a/b\":\"\"}",
         "Field 'files': 'a' and 'a/b' cannot both be files"},
        {",\"files\":{\"a\":\"QQ=\"}",
         "Field 'files': 'a' is not base64 (standard alphabet, padded, without line breaks)"},
        {",\"files\":{\"a\":\"!\",\"../b\":\"\"}",
         "Field 'files': 'a' is not base64 (standard alphabet, padded, without line breaks)"},
        {",\"return_files\":{}", "Field 'return_files' must be an array"},
        {",\"return_files\":[1]", "Field 'return_files' must be an array of strings (without NUL "
                                  "and lone surrogates)"},
        {",\"return_files\":[\"a\",\"\\u0000\"]",
         "Field 'return_files' must be an array of strings (without NUL and lone surrogates)"},
        {",\"return_files\":[\"/etc/*\"]",
         "Field 'return_files': '/etc/*' must not be empty, absolute, or have an empty part"},
        {",\"return_files\":[\"..\"]",
         "Field 'return_files': '..' must not have '.' or '..' as a part"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        expect_refusal(rows[i].members, rows[i].text);
}

/* ,"FIELD":[ or { and then count times unit, a %u in which is the number. */
static char *repeat(const char *head, const char *unit, unsigned count, const char *tail) {
    char *members = malloc(1000000), *at = members;
    assert_non_null(members);
    at += sprintf(at, "%s", head);
    for (unsigned i = 0; i < count; i++) {
        char number[16];
        sprintf(number, "%u", i);
        const char *mark = strchr(unit, '%');
        at += sprintf(at, "%s", i ? "," : "");
        at += mark ? sprintf(at, "%.*s%s%s", (int)(mark - unit), unit, number, mark + 1)
                   : sprintf(at, "%s", unit);
    }
    strcpy(at, tail);
    return members;
}

static void test_limits(void **state) {
    (void)state;
    static const struct {
        const char *head, *unit, *tail, *text;
        unsigned most;
    } rows[] = {
        {",\"files\":{", "\"%\":\"\"", "}", "Field 'files' has more than 256 files", 256},
        {",\"return_files\":[", "\"*\"", "]", "Field 'return_files' has more than 32 patterns", 32},
        {",\"files\":{", "\"%\":\"QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB\"", "}",
         "Field 'files' has more than 100 bytes in all", 3},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct request request;
        struct request_error error;
        char *members = repeat(rows[i].head, rows[i].unit, rows[i].most, rows[i].tail);
        assert_int_equal(parse(members, &request, &error), 0);
        request_done(&request);
        free(members);
        members = repeat(rows[i].head, rows[i].unit, rows[i].most + 1, rows[i].tail);
        expect_refusal(members, rows[i].text);
        free(members);
    }
    expect_refusal(",\"stdin\":\"1234567890123456789012345678901234567890123456789012345678901\"",
                   "Field 'stdin' has 61 bytes (limit 60)");
    expect_refusal(
        ",\"files\":{\"a\":\"QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQU"
        "FBQUFBQUFBQUFBQUFBQUFBQUFBQUE=\"}",
        "Field 'files': 'a' has 68 bytes (limit 60)");
}

static void test_names(void **state) {
    (void)state;
    static const char *const good[] = {"a", "a/b", ".a",   "..a",      "a..", "...",
                                       "-", " ",   "a\\b", "\xc3\xa9", "*"};
    static const char *const bad[] = {"",    "/",   "/a",   "a/",     "a//b", ".",     "..",
                                      "./a", "a/.", "a/..", "a/../b", "\n",   "a\x7f", "a\x1f/b"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_null(file_name_fault(good[i], strlen(good[i])));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_non_null(file_name_fault(bad[i], strlen(bad[i])));
    assert_non_null(file_name_fault("a\0b", 3));
    char name[600];
    memset(name, 'a', sizeof(name));
    assert_null(file_name_fault(name, 255));
    assert_non_null(file_name_fault(name, 256));
    name[255] = '/';
    assert_null(file_name_fault(name, 511));
    name[511] = '/';
    assert_non_null(file_name_fault(name, 513));
    for (size_t i = 1; i < 40; i += 2)
        name[i] = '/';
    assert_null(file_name_fault(name, 31));
    assert_non_null(file_name_fault(name, 33));
}

static void test_collisions(void **state) {
    (void)state;
    static const struct {
        const char *one, *other;
        bool collide;
    } rows[] = {{"a", "a", true},      {"a", "a/b", true}, {"a", "ab", false},
                {"a/b", "a/c", false}, {"a/b", "a", true}, {"a-b", "a/b", false},
                {"b", "a", false}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(file_names_collide(rows[i].one, rows[i].other), rows[i].collide);
        assert_int_equal(file_names_collide(rows[i].other, rows[i].one), rows[i].collide);
    }
}

static void test_strings(void **state) {
    (void)state;
    static const struct {
        const char *text, *bytes;
        size_t size;
    } rows[] = {
        {"", "", 0},
        {"plain", "plain", 5},
        {"\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t", 8},
        {"\\u0000\\u007F\\u0080\\u07ff\\u0800\\uFFFF",
         "\0\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf", 12},
        {"\\ud800\\udc00\\uDBFF\\uDFFF.", "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf.", 9},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char bytes[64];
        memcpy(bytes, rows[i].text, strlen(rows[i].text) + 1);
        assert_int_equal(json_string_decode(bytes, strlen(rows[i].text), bytes), rows[i].size);
        assert_memory_equal(bytes, rows[i].bytes, rows[i].size);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_of_them), cmocka_unit_test(test_empty_ones),
        cmocka_unit_test(test_refusals),    cmocka_unit_test(test_limits),
        cmocka_unit_test(test_names),       cmocka_unit_test(test_collisions),
        cmocka_unit_test(test_strings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
