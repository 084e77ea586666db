/*
 * Unit tests of request: the rows of the HTTP contract about bodies and scripts.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "request.h"

static const struct request_limits limits = {
    .script_bytes = 50000,
    .timeout_us = 30000000,
    .memory_bytes = 300 << 20,
    .least_memory_bytes = 32 << 20,
    .inputs = {.total_bytes = 100, .file_bytes = 60},
};

static int parse(const char *body, size_t size, struct request *request,
                 struct request_error *error) {
    char *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, body, size);
    memset(request, 0x5a, sizeof(*request));
    *error = (struct request_error){0};
    int result = request_parse(copy, size, &limits, request, error);
    free(copy);
    return result;
}

static void expect_script(const char *body, const char *script) {
    struct request request;
    struct request_error error;
    if (parse(body, strlen(body), &request, &error) != 0)
        fail_msg("%s: %s", body, error.text);
    assert_string_equal(request.script, script);
    assert_int_equal(request.script_size, strlen(script));
    assert_int_equal(error.status, 0);
    request_done(&request);
    assert_null(request.script);
}

static void expect_refusal(const char *body, size_t size, const char *text) {
    struct request request;
    struct request_error error;
    assert_int_equal(parse(body, size, &request, &error), -EINVAL);
    assert_string_equal(error.text, text);
    assert_int_equal(error.status, 400);
    assert_null(request.script);
    assert_int_equal(request.script_size, 0);
}

static void test_scripts(void **state) {
    (void)state;
    static const struct {
        const char *body, *script;
    } rows[] = {
        {"{\"script\":\"x\"}", "x"},
        {" {\n\t\"script\" : \"def main():\\n\\treturn \\\"a\\\\n\\\"\"\r\n} ",
         "def main():\n\treturn \"a\\n\""},
        {"{\"script\":\"\\u0061\\u00e9\\u20ac\\ud83d\\ude00\"}",
         "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
        {"{\"script\":\"\xc3\xa9\xf0\x9f\x98\x80\"}", "\xc3\xa9\xf0\x9f\x98\x80"},
        {"{\"script\":\"\\/\\b\\f\\r\\u0001\\u007f\"}", "/\b\f\r\x01\x7f"},
        {"{\"script\":\"\\\\u0000 \\\\ud800\"}", "\\u0000 \\ud800"},
        {"{\"\\u0073cript\":\"x\"}", "x"},
        {"{\"\\u0073\\u0063\\u0072\\u0069\\u0070\\u0074\":\"x\"}", "x"},
        {"{\"other\":[1,{\"script\":2}],\"script\":\"x\",\"Script\":3,\"SCRIPT\":4,\"scrip\":5}",
         "x"},
        {"{\"script\\u0000\":1,\"script\":\"x\",\"script\\ud800\":2,\"script\\n\":3}", "x"},
        {"{\"\\u0053cript\":1,\"script\":\"x\",\"s\\u0000ript\":2}", "x"},
        {"{\"other\":\"\\u0000\\ud800\",\"script\":\"x\"}", "x"},
        {"{\"other\":12345678901234567890123,\"script\":\" \\n x\"}", " \n x"},
        {"{\"script\":\"\xef\xbb\xbf x\"}", "\xef\xbb\xbf x"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        expect_script(rows[i].body, rows[i].script);
}

static void test_refusals(void **state) {
    (void)state;
    static const struct {
        const char *body, *text;
    } rows[] = {
        {"", "Request body is empty"},
        {" \r\n\t", "Request body is empty"},
        {"script", "Request body is not valid JSON (at byte 0)"},
        {"{\"script\":'x'}", "Request body is not valid JSON (at byte 10)"},
        {"{\"script\":\"a\nb\"}", "Request body is not valid JSON (at byte 12)"},
        {"{\"script\":\"x\"", "Request body ends in the middle of a JSON value"},
        {"{\"script\":\"x\"} {}", "Request body has more text after the JSON value (at byte 15)"},
        {"{\"script\":\"\xff\"}", "Request body is not valid UTF-8 (at byte 11)"},
        {"{\"script\":\"\xed\xa0\x80\"}", "Request body is not valid UTF-8 (at byte 11)"},
        {"[\"script\"]", "Request body must be a JSON object"},
        {"\"script\"", "Request body must be a JSON object"},
        {"null", "Request body must be a JSON object"},
        {"17", "Request body must be a JSON object"},
        {"{}", "Field 'script' is missing"},
        {"{\"Script\":\"x\"}", "Field 'script' is missing"},
        {"{\"script\\u0000\":\"x\"}", "Field 'script' is missing"},
        {"{\"a\":{\"script\":\"x\"}}", "Field 'script' is missing"},
        {"{\"script\":null}", "Field 'script' must be a string"},
        {"{\"script\":1}", "Field 'script' must be a string"},
        {"{\"script\":[\"x\"]}", "Field 'script' must be a string"},
        {"{\"script\":{}}", "Field 'script' must be a string"},
        {"{\"script\":true}", "Field 'script' must be a string"},
        {"{\"script\":\"\"}", "Field 'script' must not be blank"},
        {"{\"script\":\" \\t\\n\\r\\f\\u000b\"}", "Field 'script' must not be blank"},
        {"{\"script\":\"x\",\"script\":\"x\"}", "Field 'script' appears more than once"},
        {"{\"script\":1,\"scr\\u0069pt\":\"x\"}", "Field 'script' appears more than once"},
        {"{\"script\":\"x\\u0000\"}", "Field 'script' must not contain a NUL character"},
        {"{\"script\":\"\\ud800\"}",
         "Field 'script' must not contain a lone surrogate (\\uD800 to \\uDFFF without its other "
         "half)"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        expect_refusal(rows[i].body, strlen(rows[i].body), rows[i].text);
}

/* count times unit as the script, between a fixed head and tail. */
static size_t write_body(char *body, const char *unit, size_t count) {
    size_t size = (size_t)sprintf(body, "{\"script\":\"");
    for (size_t i = 0; i < count; i++)
        size += (size_t)sprintf(body + size, "%s", unit);
    return size + (size_t)sprintf(body + size, "\"}");
}

static void test_size_is_counted_in_decoded_bytes(void **state) {
    (void)state;
    static const struct {
        const char *unit;
        size_t count, bytes;
    } rows[] = {
        {"x", 50000, 50000},
        {"x", 50001, 50001},
        {"\\n.", 25000, 50000},
        {"\\u0041", 50000, 50000},
        {"\\u0041", 50001, 50001},
        {"\xc3\xa9", 25000, 50000},
        {"\xc3\xa9", 25001, 50002},
        {"\\u00e9", 25001, 50002},
        {"\xf0\x9f\x98\x80", 12500, 50000},
        {"\\ud83d\\ude00", 12500, 50000},
        {"\\ud83d\\ude00", 12501, 50004},
        {" ", 51200, 51200},
        {"x", 300000, 300000},
    };
    char *body = malloc(1000000);
    assert_non_null(body);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        size_t size = write_body(body, rows[i].unit, rows[i].count);
        struct request request;
        struct request_error error;
        int result = parse(body, size, &request, &error);
        if (rows[i].bytes <= 50000) {
            assert_int_equal(result, 0);
            assert_int_equal(request.script_size, rows[i].bytes);
            assert_int_equal(strlen(request.script), rows[i].bytes);
            request_done(&request);
            continue;
        }
        char text[80];
        snprintf(text, sizeof(text), "Invalid script size: %zu bytes (limit 50000)", rows[i].bytes);
        expect_refusal(body, size, text);
    }
    free(body);
}

static void test_depth_and_number_of_values_are_bounded(void **state) {
    (void)state;
    char *body = malloc(300000);
    assert_non_null(body);
    for (int depth = 63; depth <= 64; depth++) {
        size_t size = (size_t)sprintf(body, "{\"script\":\"x\",\"a\":");
        memset(body + size, '[', (size_t)depth);
        memset(body + size + depth, ']', (size_t)depth);
        size += 2 * (size_t)depth;
        strcpy(body + size, "}");
        if (depth < 64)
            expect_script(body, "x");
        else
            expect_refusal(body, strlen(body), "Request body is nested too deeply (limit 64)");
    }
    /* The object, the script, the array and what is in it. */
    for (size_t count = 100000 - 3; count <= 100000 - 2; count++) {
        size_t size = (size_t)sprintf(body, "{\"script\":\"x\",\"a\":[0");
        for (size_t i = 1; i < count; i++)
            size += (size_t)sprintf(body + size, ",0");
        strcpy(body + size, "]}");
        if (count == 100000 - 3)
            expect_script(body, "x");
        else
            expect_refusal(body, strlen(body), "Request body holds too many values (limit 100000)");
    }
    free(body);
}

static void test_limits(void **state) {
    (void)state;
    static const struct {
        const char *fields;
        int64_t timeout_us;
        uint64_t memory_bytes;
        const char *refusal;
    } rows[] = {
        {"", 30000000, 300 << 20, NULL},
        {",\"timeout_seconds\":2", 2000000, 300 << 20, NULL},
        {",\"timeout_seconds\":30,\"memory_mb\":300", 30000000, 300 << 20, NULL},
        {",\"timeout_seconds\":1.5,\"memory_mb\":32", 1500000, 32 << 20, NULL},
        {",\"timeout_seconds\":0.25e1,\"memory_mb\":100.5", 2500000, (100 << 20) + (1 << 19), NULL},
        {",\"timeout_seconds\":1e-300", 1, 300 << 20, NULL},
        {",\"timeout_second\\u0073\":2}", 0, 0, "Request body"},
        {",\"timeout_second\\u0073\":2", 2000000, 300 << 20, NULL},
        {",\"timeout_seconds\":0", 0, 0, "Field 'timeout_seconds' must be over 0 and at most 30"},
        {",\"timeout_seconds\":-0.0", 0, 0, "over 0"},
        {",\"timeout_seconds\":1e-400", 0, 0, "over 0"},
        {",\"timeout_seconds\":-1", 0, 0, "over 0"},
        {",\"timeout_seconds\":30.001", 0, 0, "at most 30"},
        {",\"timeout_seconds\":1e999", 0, 0, "at most 30"},
        {",\"timeout_seconds\":18446744073709551617", 0, 0, "at most 30"},
        {",\"timeout_seconds\":\"2\"", 0, 0, "Field 'timeout_seconds' must be a number"},
        {",\"timeout_seconds\":null", 0, 0, "must be a number"},
        {",\"timeout_seconds\":true", 0, 0, "must be a number"},
        {",\"timeout_seconds\":[2]", 0, 0, "must be a number"},
        {",\"timeout_seconds\":2,\"timeout_seconds\":2", 0, 0,
         "Field 'timeout_seconds' appears more than once"},
        {",\"memory_mb\":31.9", 0, 0, "Field 'memory_mb' must be from 32 to 300"},
        {",\"memory_mb\":300.1", 0, 0, "Field 'memory_mb' must be from 32 to 300"},
        {",\"memory_mb\":-1e308", 0, 0, "from 32 to 300"},
        {",\"memory_mb\":{}", 0, 0, "Field 'memory_mb' must be a number"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char body[256];
        struct request request;
        struct request_error error;
        int size = snprintf(body, sizeof(body), "{\"script\":\"x\"%s}", rows[i].fields);
        int r = parse(body, (size_t)size, &request, &error);
        if ((r < 0) != (rows[i].refusal != NULL) ||
            (rows[i].refusal && !strstr(error.text, rows[i].refusal)))
            fail_msg("%s: %d %s", body, r, error.text);
        assert_int_equal(request.timeout_us, rows[i].timeout_us);
        assert_int_equal(request.memory_bytes, rows[i].memory_bytes);
        request_done(&request);
    }
}

static void test_no_prefix_is_a_request(void **state) {
    (void)state;
    static const char body[] = "{\"a\": [1, {}], \"script\": \"d\\u00e9\\ud83d\\ude00\xc3\xa9\"}";
    expect_script(body, "d\xc3\xa9\xf0\x9f\x98\x80\xc3\xa9");
    expect_refusal(body, 0, "Request body is empty");
    for (size_t cut = 1; cut < sizeof(body) - 1; cut++)
        expect_refusal(body, cut, "Request body ends in the middle of a JSON value");
}

static int allocations_left;

static void *allocate_some(size_t size) {
    return allocations_left-- > 0 ? malloc(size) : NULL;
}

/* Too little memory is never the client's fault, wherever it shows. */
static void test_out_of_memory_is_ours(void **state) {
    (void)state;
    static const char body[] = "{\"scrip\\u0074\":\"x\",\"s\\u0063ript_\":1}";
    cJSON_Hooks hooks = {.malloc_fn = allocate_some, .free_fn = free};
    cJSON_InitHooks(&hooks);
    int result = -ENOMEM, tries = 0;
    for (; result != 0 && tries < 50; tries++) {
        struct request request;
        struct request_error error;
        allocations_left = tries;
        result = parse(body, sizeof(body) - 1, &request, &error);
        assert_true(result == 0 || result == -ENOMEM);
        assert_int_equal(error.status, 0);
        assert_string_equal(error.text, "");
        if (result != 0)
            assert_null(request.script);
        request_done(&request);
    }
    cJSON_InitHooks(NULL);
    assert_int_equal(result, 0);
    assert_true(tries > 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scripts),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_size_is_counted_in_decoded_bytes),
        cmocka_unit_test(test_depth_and_number_of_values_are_bounded),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_no_prefix_is_a_request),
        cmocka_unit_test(test_out_of_memory_is_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
