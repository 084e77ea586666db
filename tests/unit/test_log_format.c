/* log_format: what a line says in both forms, and that no text of a client can break out of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "json_check.h"
#include "log_format.h"
#include "log_text.h"

static const struct timespec noon = {.tv_sec = 1700000000, .tv_nsec = 7999999};

/* Formats with a NUL at the end, and checks what holds for each line. */
static const char *line_of(enum log_format format, const struct log_request *request) {
    static char line[LOG_LINE_BYTES + 1];
    size_t size = log_format_request(line, format, &noon, request);
    assert_in_range(size, 2, LOG_LINE_BYTES);
    assert_int_equal(line[size - 1], '\n');
    line[--size] = 0;
    assert_int_equal(strlen(line), size);
    for (size_t i = 0; i < size; i++)
        assert_in_range(line[i], 0x20, 0x7e);
    if (format == LOG_FORMAT_JSON) {
        struct json_limits limits = {.depth = 4, .values = 100};
        assert_int_equal(json_check(line, size, &limits, NULL, NULL).fault, JSON_OK);
    }
    return line;
}

static const struct log_request plain = {
    .method = "POST",
    .path = "/execute",
    .agent = "curl/8",
    .client = "192.0.2.7",
    .id = "abc",
    .trace = "0af7651916cd43dd8448eb211c80319c",
    .span = "b7ad6b7169203331",
    .outcome = "success",
    .status = 200,
    .request_bytes = 40,
    .response_bytes = 27,
    .total_us = 3001,
    .queue_us = 20,
    .run_us = 2500,
    .peak_memory_bytes = 1048576,
};

static void test_a_request_in_text(void **state) {
    (void)state;
    assert_string_equal(
        line_of(LOG_FORMAT_TEXT, &plain),
        "2023-11-14T22:13:20.007Z info request method=\"POST\" path=\"/execute\" status=200 "
        "outcome=\"success\" total_ms=3.001 queue_ms=0.020 run_ms=2.500 peak_memory_bytes=1048576 "
        "request_bytes=40 response_bytes=27 client=\"192.0.2.7\" request_id=\"abc\" "
        "trace=\"0af7651916cd43dd8448eb211c80319c\" agent=\"curl/8\"");
}

static void test_a_request_in_json(void **state) {
    (void)state;
    assert_string_equal(
        line_of(LOG_FORMAT_JSON, &plain),
        "{\"severity\":\"INFO\",\"time\":\"2023-11-14T22:13:20.007Z\","
        "\"message\":\"POST /execute 200\",\"httpRequest\":{\"requestMethod\":\"POST\","
        "\"requestUrl\":\"/execute\",\"status\":200,\"requestSize\":\"40\","
        "\"responseSize\":\"27\",\"latency\":\"0.003001s\",\"remoteIp\":\"192.0.2.7\","
        "\"userAgent\":\"curl/8\"},"
        "\"logging.googleapis.com/trace\":\"0af7651916cd43dd8448eb211c80319c\","
        "\"logging.googleapis.com/spanId\":\"b7ad6b7169203331\",\"request_id\":\"abc\","
        "\"outcome\":\"success\",\"total_ms\":3.001,\"queue_ms\":0.020,\"run_ms\":2.500,"
        "\"peak_memory_bytes\":1048576}");
}

static void test_what_is_not_known_is_left_out(void **state) {
    (void)state;
    const struct log_request bare = {
        .method = "GET", .path = "/x", .status = 404, .queue_us = -1, .run_us = -1};
    assert_string_equal(line_of(LOG_FORMAT_TEXT, &bare),
                        "2023-11-14T22:13:20.007Z info request method=\"GET\" path=\"/x\" "
                        "status=404 total_ms=0.000 request_bytes=0 response_bytes=0");
    const char *json = line_of(LOG_FORMAT_JSON, &bare);
    const char *const absent[] = {"userAgent", "remoteIp",   "trace",  "spanId",
                                  "outcome",   "request_id", "run_ms", "peak"};
    for (size_t i = 0; i < sizeof(absent) / sizeof(absent[0]); i++)
        assert_null(strstr(json, absent[i]));
}

static void test_a_known_project_makes_the_trace_a_resource(void **state) {
    (void)state;
    struct log_request request = plain;
    request.project = "my\"project";
    assert_non_null(strstr(line_of(LOG_FORMAT_JSON, &request),
                           "/trace\":\"projects/my\\\"project/traces/0af7651916cd43dd8448eb211c8"
                           "0319c\",\"logging"));
}

static void test_severity_follows_the_status(void **state) {
    (void)state;
    assert_int_equal(log_request_level(200), LOG_INFO);
    assert_int_equal(log_request_level(400), LOG_INFO);
    assert_int_equal(log_request_level(499), LOG_INFO);
    assert_int_equal(log_request_level(503), LOG_WARNING);
    assert_int_equal(log_request_level(500), LOG_ERROR);
    struct log_request request = plain;
    request.status = 500;
    assert_non_null(strstr(line_of(LOG_FORMAT_JSON, &request), "\"severity\":\"ERROR\""));
    assert_non_null(strstr(line_of(LOG_FORMAT_TEXT, &request), "Z error request"));
    request.status = 200;
    request.known_status = 503;
    assert_non_null(strstr(line_of(LOG_FORMAT_TEXT, &request), "Z warning request"));
}

/* Each in every place that a client can write to; line_of checks that it stays one line of ASCII,
 * and one JSON value. */
static void test_hostile_texts(void **state) {
    (void)state;
    static char longest[4096], high[4096];
    memset(longest, 1, sizeof(longest) - 1);
    memset(high, 0xf0, sizeof(high) - 1);
    const char *const texts[] = {
        "",
        "\n{\"severity\":\"ERROR\"}\n",
        "\r\n\t\x1b[2J\x7f",
        "\"},{\"",
        "\\",
        "\\\"",
        "\xff\xfe",
        "\xc3",
        "\xed\xa0\x80",
        "\xe2\x80\xa8\xe2\x80\xae",
        "\xf0\x9f\x92\xa9",
        longest,
        high,
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct log_request request = plain;
        request.method = request.path = request.agent = request.client = texts[i];
        request.id = request.project = request.trace = request.span = texts[i];
        request.outcome = texts[i];
        request.request_bytes = request.response_bytes = request.peak_memory_bytes = UINT64_MAX;
        request.total_us = request.queue_us = request.run_us = INT64_MAX;
        line_of(LOG_FORMAT_TEXT, &request);
        const char *json = line_of(LOG_FORMAT_JSON, &request);
        assert_int_equal(json[strlen(json) - 1], '}');
        assert_non_null(strstr(json, "\"run_ms\":9223372036854775.807"));
    }
}

static void test_escapes(void **state) {
    (void)state;
    static const struct {
        const char *raw;
        size_t most;
        const char *escaped;
    } rows[] = {
        {"plain /path?", 99, "plain /path?"},
        {"a\"b\\c", 99, "a\\\"b\\\\c"},
        {"\n\x1b\x7f", 99, "\\u000a\\u001b\\u007f"},
        {"\xc3\xa9\xe2\x82\xac", 99, "\\u00e9\\u20ac"},
        {"\xf0\x9f\x92\xa9", 99, "\\ud83d\\udca9"},
        {"a\xff\xe2\x82z", 99, "a\\ufffd\\ufffdz"},
        {"12345678", 8, "12345678"},
        {"123456789", 8, "12345..."},
        {"12345\xc3\xa9", 11, "12345\\u00e9"},
        {"12345\xc3\xa9", 10, "12345..."},
        {"123456", 2, ""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char bytes[64] = "";
        struct log_text text = {.bytes = bytes, .size = sizeof(bytes) - 1};
        log_text_add_escaped(&text, rows[i].raw, rows[i].most);
        bytes[text.used] = 0;
        assert_true(text.used <= rows[i].most);
        assert_string_equal(bytes, rows[i].escaped);
    }
}

static void test_a_message(void **state) {
    (void)state;
    char line[LOG_LINE_BYTES], endless[8192];
    size_t size = log_format_message(line, LOG_FORMAT_TEXT, &noon, LOG_WARNING, "two\nlines");
    static const char text[] = "2023-11-14T22:13:20.007Z warning two\\u000alines\n";
    assert_int_equal(size, sizeof(text) - 1);
    assert_memory_equal(line, text, size);
    size = log_format_message(line, LOG_FORMAT_JSON, &noon, LOG_ERROR, "it's 100 %");
    static const char json[] = "{\"severity\":\"ERROR\",\"time\":\"2023-11-14T22:13:20.007Z\","
                               "\"message\":\"it's 100 %\"}\n";
    assert_int_equal(size, sizeof(json) - 1);
    assert_memory_equal(line, json, size);
    memset(endless, '"', sizeof(endless) - 1);
    endless[sizeof(endless) - 1] = 0;
    size = log_format_message(line, LOG_FORMAT_JSON, &noon, LOG_INFO, endless);
    assert_memory_equal(line + size - 6, "...\"}\n", 6);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_request_in_text),
        cmocka_unit_test(test_a_request_in_json),
        cmocka_unit_test(test_what_is_not_known_is_left_out),
        cmocka_unit_test(test_a_known_project_makes_the_trace_a_resource),
        cmocka_unit_test(test_severity_follows_the_status),
        cmocka_unit_test(test_hostile_texts),
        cmocka_unit_test(test_escapes),
        cmocka_unit_test(test_a_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
