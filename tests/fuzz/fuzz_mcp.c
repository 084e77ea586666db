/*
 * Fuzz target: mcp_parse. Whatever the message is, an answer is one JSON value, and what is to be
 * run keeps the request's promises.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "json_check.h"
#include "mcp.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static const struct mcp_settings settings = {
    .limits = {.script_bytes = 100,
               .timeout_us = 30000000,
               .memory_bytes = 300 << 20,
               .least_memory_bytes = 32 << 20,
               .inputs = {.total_bytes = 40, .file_bytes = 30}},
    .output_bytes = 10 << 20,
};

static void require(bool holds) {
    if (!holds)
        abort();
}

static bool is_json(const char *text, size_t size) {
    struct json_limits limits = {.depth = JSON_MAX_DEPTH};
    return json_check(text, size, &limits, NULL, NULL).fault == JSON_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct mcp_call call;
    require(mcp_parse((const char *)bytes, size, &settings, &call) == 0);
    require(!call.id || is_json(call.id, strlen(call.id)));
    if (call.action == MCP_ANSWER) {
        require(call.status == 200 || call.status == 400);
        require(is_json(call.text.data, call.text.size));
    } else {
        require(!call.text.data);
        require((call.action == MCP_RUN) == (call.request.script != NULL));
        require(!call.request.script || (call.id && call.request.script_size <= 100));
    }
    mcp_call_done(&call);
    return 0;
}
