/* mcp: messages and what is to be done with them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "json_check.h"
#include "mcp.h"
#include "response.h"

static const struct mcp_settings settings = {
    .limits = {.script_bytes = 1000,
               .timeout_us = 30000000,
               .memory_bytes = 300 << 20,
               .least_memory_bytes = 32 << 20,
               .inputs = {.total_bytes = 1000, .file_bytes = 1000}},
    .output_bytes = 10 << 20};

static struct mcp_call parse(const char *body) {
    struct mcp_call call;
    assert_int_equal(mcp_parse(body, strlen(body), &settings, &call), 0);
    if (call.action == MCP_ANSWER) {
        struct json_limits limits = {.depth = JSON_MAX_DEPTH};
        struct json_report report = json_check(call.text.data, call.text.size, &limits, NULL, NULL);
        if (report.fault != JSON_OK)
            fail_msg("no JSON: %s", call.text.data);
    }
    return call;
}

static void expect(const char *body, int status, const char *text) {
    struct mcp_call call = parse(body);
    assert_int_equal(call.action, MCP_ANSWER);
    if (call.status != status || !strstr(call.text.data, text))
        fail_msg("%s: %d %s", body, call.status, call.text.data);
    mcp_call_done(&call);
}

static void broken_messages(void **state) {
    (void)state;
    static const char *const unread[] = {"",    "{", "nonsense", "{\"a\": 1} 2", "{\"a\": 01}",
                                         "\xff"};
    for (size_t i = 0; i < sizeof(unread) / sizeof(unread[0]); i++)
        expect(unread[i], 400, "\"id\": null, \"error\": {\"code\": -32700, ");
    static const char *const invalid[] = {
        "[]",
        "[{\"jsonrpc\": \"2.0\", \"id\": 1, \"method\": \"ping\"}]",
        "1",
        "{}",
        "{\"id\": 1, \"method\": \"ping\"}",
        "{\"jsonrpc\": 2.0, \"id\": 1, \"method\": \"ping\"}",
        "{\"jsonrpc\": \"1.0\", \"id\": 1, \"method\": \"ping\"}",
        "{\"jsonrpc\": \"2.0\", \"id\": null, \"method\": \"ping\"}",
        "{\"jsonrpc\": \"2.0\", \"id\": true, \"method\": \"ping\"}",
        "{\"jsonrpc\": \"2.0\", \"id\": [1], \"method\": \"ping\"}",
        "{\"jsonrpc\": \"2.0\", \"id\": 1, \"id\": 2, \"method\": \"ping\"}",
        "{\"jsonrpc\": \"2.0\", \"id\": 1, \"m\\u0065thod\": \"ping\", \"method\": \"ping\"}",
        "{\"jsonrpc\": \"2.0\", \"id\": 1, \"method\": 5}",
        "{\"jsonrpc\": \"2.0\", \"id\": 1}",
        "{\"jsonrpc\": \"2.0\", \"result\": {}}",
        "{\"jsonrpc\": \"2.0\", \"id\": 1, \"result\": {}, \"error\": {}}",
    };
    for (size_t i = 0; i < sizeof(invalid) / sizeof(invalid[0]); i++)
        expect(invalid[i], 400, "\"error\": {\"code\": -32600, ");
}

static void too_much(void **state) {
    (void)state;
    static char many[400000];
    char deep[200] = {0};
    memset(deep, '[', 100);
    memset(deep + 100, ']', 99);
    expect(deep, 400,
           "\"id\": null, \"error\": {\"code\": -32600, \"message\": \"Message is nested");
    many[0] = '[';
    for (size_t i = 1; i < sizeof(many) - 2; i += 2)
        memcpy(many + i, "1,", 2);
    expect(many, 400, "\"id\": null, \"error\": {\"code\": -32600, \"message\": \"Message holds");
}

static void an_id_goes_back_as_it_came(void **state) {
    (void)state;
    static const char *const ids[] = {"0",
                                      "-1",
                                      "1.50",
                                      "1e3",
                                      "123456789012345678901234567890",
                                      "\"\"",
                                      "\"a\\u00e9\\n\"",
                                      "\"\\ud800\"",
                                      "\"\\u0000\""};
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        char body[200], answer[200];
        snprintf(body, sizeof(body), "{\"method\": \"ping\", \"id\": %s, \"jsonrpc\": \"2.0\"}",
                 ids[i]);
        snprintf(answer, sizeof(answer), "{\"jsonrpc\": \"2.0\", \"id\": %s, \"result\": {}}",
                 ids[i]);
        struct mcp_call call = parse(body);
        assert_int_equal(call.status, 200);
        assert_string_equal(call.text.data, answer);
        mcp_call_done(&call);
    }
    char body[1000];
    snprintf(body, sizeof(body), "{\"jsonrpc\": \"2.0\", \"method\": \"ping\", \"id\": \"%0500d\"}",
             0);
    expect(body, 400, "-32600");
}

static void methods(void **state) {
    (void)state;
#define CALL(method, rest) "{\"jsonrpc\": \"2.0\", \"id\": 7, \"method\": \"" method "\"" rest "}"
#define ERROR(code) "\"id\": 7, \"error\": {\"code\": " code ", "
    expect(CALL("p\\u0069ng", ""), 200, "\"result\": {}");
    expect(CALL("initialize", ", \"params\": {\"protocolVersion\": \"2025-03-26\"}"), 200,
           "\"protocolVersion\": \"2025-06-18\"");
    expect(CALL("initialize", ", \"params\": {\"protocolVersion\": \"2025-06-18\"}"), 200,
           "\"protocolVersion\": \"2025-06-18\"");
    expect(CALL("initialize", ", \"params\": {\"protocolVersion\": \"2099-01-01\"}"), 200,
           "\"protocolVersion\": \"2025-06-18\"");
    expect(CALL("initialize", ", \"params\": {\"protocolVersion\": \"\"}"), 200,
           "\"capabilities\": {\"tools\": {}}");
    expect(CALL("initialize", ""), 200, ERROR("-32602"));
    expect(CALL("initialize", ", \"params\": {\"protocolVersion\": 2025}"), 200, ERROR("-32602"));
    expect(CALL("tools/list", ", \"params\": {}"), 200, "\"name\": \"run_python\"");
    expect(CALL("tools/lists", ""), 200, ERROR("-32601"));
    expect(CALL("pin\\u0000g", ""), 200, ERROR("-32601"));
    expect(CALL("", ""), 200, ERROR("-32601"));
    expect(CALL("ping", ", \"params\": []"), 200, ERROR("-32602"));
    expect(CALL("pings", ", \"params\": []"), 200, ERROR("-32601"));
    expect(CALL("tools/call", ""), 200, ERROR("-32602"));
    expect(CALL("tools/call", ", \"params\": {\"name\": \"run\"}"), 200, "Unknown tool");
    expect(CALL("tools/call", ", \"params\": {\"name\": \"run_python\", \"name\": \"run_python\"}"),
           200, "more than once");
    expect(CALL("tools/call", ", \"params\": {\"name\": \"run_python\"}"), 200,
           ERROR("-32602") "\"message\": \"Field 'script' is missing\"");
    expect(CALL("tools/call", ", \"params\": {\"name\": \"run_python\", \"arguments\": []}"), 200,
           "params.arguments must be an object");
    expect(CALL("tools/call",
                ", \"params\": {\"name\": \"run_python\", \"arguments\": {\"script\": \"x\", "
                "\"memory_mb\": 1}}"),
           200, "Field 'memory_mb' must be from 32 to 300");
}

static void a_call_becomes_a_request(void **state) {
    (void)state;
    struct mcp_call call =
        parse(CALL("tools/call", ", \"params\": {\"_meta\": {\"a\": [1]}, \"arguments\": "
                                 "{\"script\": \"def main(): pass\", \"timeout_seconds\": 1.5, "
                                 "\"args\": [1]}, \"name\": \"run_python\"}"));
    assert_int_equal(call.action, MCP_RUN);
    assert_string_equal(call.id, "7");
    assert_string_equal(call.request.script, "def main(): pass");
    assert_int_equal(call.request.timeout_us, 1500000);
    assert_int_equal(call.request.inputs.args_size, 3);
    mcp_call_done(&call);
}

static void what_needs_no_answer(void **state) {
    (void)state;
    static const char *const messages[] = {
        "{\"jsonrpc\": \"2.0\", \"method\": \"notifications/initialized\"}",
        "{\"jsonrpc\": \"2.0\", \"method\": \"notifications/none\", \"params\": 5}",
        "{\"jsonrpc\": \"2.0\", \"method\": \"tools/call\", \"params\": {\"name\": "
        "\"run_python\", \"arguments\": {\"script\": \"def main(): pass\"}}}",
        "{\"jsonrpc\": \"2.0\", \"id\": 1, \"result\": {}}",
        "{\"jsonrpc\": \"2.0\", \"id\": 1, \"error\": {}}",
    };
    for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
        struct mcp_call call = parse(messages[i]);
        assert_int_equal(call.action, MCP_NOTED);
        assert_null(call.request.script);
        mcp_call_done(&call);
    }
}

static void versions(void **state) {
    (void)state;
    assert_true(mcp_knows_version(NULL));
    assert_true(mcp_knows_version("2025-06-18"));
    assert_false(mcp_knows_version("2025-03-26"));
    assert_false(mcp_knows_version(""));
    assert_false(mcp_knows_version("2025-06-1"));
    assert_false(mcp_knows_version("2024-11-05"));
}

/* ---- the answer of a run ---- */

static void fill(struct outcome *outcome, enum verdict verdict) {
    outcome_init(outcome, 1000, 1000);
    outcome->verdict = verdict;
    outcome->started = true;
    outcome->queue_us = 5;
    assert_int_equal(buf_append_text(&outcome->result, "{\"a\": \"\\n\"}"), 0);
    assert_int_equal(buf_append_text(&outcome->message, "E: \"x\""), 0);
}

static void expect_run(struct outcome *outcome, int status, const char *expected) {
    struct response *response;
    char body[4000];
    assert_int_equal(response_new_mcp_take(outcome, "\"i\"", &response), 0);
    outcome_done(outcome);
    size_t size = response_read(response, body, sizeof(body) - 1);
    body[size] = '\0';
    assert_string_equal(body, expected);
    assert_int_equal(response_size(response), size);
    assert_int_equal(response_status(response), status);
    response_free(response);
}

#define START "{\"jsonrpc\": \"2.0\", \"id\": \"i\", "
#define CONTENT START "\"result\": {\"content\": [{\"type\": \"text\", \"text\": \""

static void a_result(void **state) {
    (void)state;
    struct outcome outcome;
    fill(&outcome, VERDICT_SUCCESS);
    expect_run(&outcome, 200,
               CONTENT "{\\\"a\\\": \\\"\\\\n\\\"}\"}], \"structuredContent\": {\"result\": "
                       "{\"a\": \"\\n\"}, \"stdout\": \"\"}, \"isError\": false}}");
}

static void a_result_with_all_there_is(void **state) {
    (void)state;
    static const char png[] = "\x89PNG\r\n\x1a\nx", file[] = "n\"\0abc";
    struct outcome outcome;
    struct buf payload;
    fill(&outcome, VERDICT_SUCCESS);
    outcome.files_asked = true;
    assert_int_equal(buf_append_text(&outcome.stdout_bytes, "o\n"), 0);
    assert_int_equal(buf_append_text(&outcome.stderr_bytes, "e"), 0);
    assert_int_equal(buf_append_text(&outcome.note, "note"), 0);
    buf_init(&payload, 100);
    assert_int_equal(buf_append(&payload, png, sizeof(png) - 1), 0);
    assert_int_equal(attachments_take(&outcome.attachments, FRAME_FIGURE, &payload, 1000), 0);
    buf_init(&payload, 100);
    assert_int_equal(buf_append(&payload, file, sizeof(file) - 1), 0);
    assert_int_equal(attachments_take(&outcome.attachments, FRAME_RETURNED, &payload, 1000), 0);
    expect_run(&outcome, 200,
               CONTENT
               "{\\\"a\\\": \\\"\\\\n\\\"}\"}, {\"type\": \"text\", \"text\": \"stdout:\\no\\n\"}, "
               "{\"type\": \"text\", \"text\": \"stderr:\\ne\\nnote\"}, {\"type\": \"text\", "
               "\"text\": \"files:\\nn\\\" (3 bytes)\\n\"}, {\"type\": \"image\", "
               "\"mimeType\": \"image/png\", \"data\": \"iVBORw0KGgp4\"}], "
               "\"structuredContent\": {\"result\": {\"a\": \"\\n\"}, \"stdout\": \"o\\n\", "
               "\"stderr\": \"e\\nnote\", \"files\": {\"n\\\"\": {\"data\": \"YWJj\", \"size\": "
               "3}}}, \"isError\": false}}");
}

static void failures(void **state) {
    (void)state;
    struct outcome outcome;
    fill(&outcome, VERDICT_EXCEPTION);
    assert_int_equal(buf_append_text(&outcome.stdout_bytes, "o"), 0);
    assert_int_equal(buf_append_text(&outcome.traceback, "T\n"), 0);
    expect_run(
        &outcome, 200,
        CONTENT
        "exception: E: \\\"x\\\"\\nT\\n\"}, {\"type\": \"text\", \"text\": \"stdout:\\no\"}], "
        "\"isError\": true}}");
    fill(&outcome, VERDICT_NO_MAIN);
    outcome.started = false;
    assert_int_equal(buf_append_text(&outcome.stdout_bytes, "o"), 0);
    expect_run(&outcome, 200, CONTENT "no_main: E: \\\"x\\\"\"}], \"isError\": true}}");
    fill(&outcome, VERDICT_OVERLOADED);
    expect_run(&outcome, 503,
               START "\"error\": {\"code\": -32000, \"message\": \"E: \\\"x\\\"\"}}");
    fill(&outcome, VERDICT_INTERNAL);
    expect_run(&outcome, 500,
               START "\"error\": {\"code\": -32603, \"message\": \"E: \\\"x\\\"\"}}");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(broken_messages),
        cmocka_unit_test(too_much),
        cmocka_unit_test(an_id_goes_back_as_it_came),
        cmocka_unit_test(methods),
        cmocka_unit_test(a_call_becomes_a_request),
        cmocka_unit_test(what_needs_no_answer),
        cmocka_unit_test(versions),
        cmocka_unit_test(a_result),
        cmocka_unit_test(a_result_with_all_there_is),
        cmocka_unit_test(failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
