/*
 * Fuzz target: response. Whatever a worker prints and claims, the body is one JSON object of
 * exactly the size that was announced, in reads of any size.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "json_check.h"
#include "response.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void require(bool holds) {
    if (!holds)
        abort();
}

/* What a worker may send beside a result; most are refused. */
static void attach(struct outcome *outcome, uint32_t type, const char *head, const char *text,
                   size_t size) {
    struct buf payload;
    buf_init(&payload, size + 16);
    require(buf_append_text(&payload, head) == 0 && buf_append(&payload, text, size) == 0);
    attachments_take(&outcome->attachments, type, &payload, 1000);
    buf_done(&payload);
}

/* Bytes 0 to 2 choose the verdict, the flags and the size of reads; the rest is cut in four. */
static void fill(struct outcome *outcome, const uint8_t *bytes, size_t size) {
    static const struct json_limits limits = {.depth = 60};
    outcome_init(outcome, size, size);
    outcome->verdict = bytes[0] % VERDICT_COUNT;
    outcome->started = bytes[1] & 1;
    outcome->files_asked = bytes[1] & 2;
    const char *text = (const char *)bytes + 3;
    if (bytes[1] & 4)
        attach(outcome, FRAME_FIGURE, "\x89PNG\r\n\x1a\n", text, size - 3);
    if (outcome->files_asked) {
        attach(outcome, FRAME_RETURNED, "", text, size - 3);
        attach(outcome, FRAME_RETURNED, "a", text, size - 3);
    }
    if (bytes[1] & 8)
        require(buf_append(&outcome->note, text, size - 3 < 100 ? size - 3 : 100) == 0);
    size_t quarter = (size - 3) / 4;
    struct buf *bufs[] = {&outcome->message, &outcome->traceback, &outcome->stderr_bytes};
    for (size_t i = 0; i < 3; i++)
        require(buf_append(bufs[i], text + i * quarter, quarter) == 0);
    const char *last = text + 3 * quarter;
    size_t rest = size - 3 - 3 * quarter;
    require(buf_append(&outcome->stdout_bytes, last, rest) == 0);
    bool is_json = json_check(last, rest, &limits, NULL, NULL).fault == JSON_OK;
    require(buf_append(&outcome->result, is_json ? last : "0", is_json ? rest : 1) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static const struct json_limits limits = {.depth = 61};
    if (size < 4)
        return 0;
    struct outcome outcome;
    struct response *response;
    fill(&outcome, bytes, size);
    require(response_new_take(&outcome, &response) == 0);
    size_t announced = response_size(response), chunk = 1 + bytes[2], done = 0, part;
    char *body = malloc(announced + chunk);
    require(body);
    while ((part = response_read(response, body + done, chunk)) > 0) {
        done += part;
        require(done <= announced && (part == chunk || done == announced));
    }
    struct json_report report = json_check(body, done, &limits, NULL, NULL);
    require(done == announced && report.fault == JSON_OK && report.value.type == JSON_OBJECT);
    free(body);
    response_free(response);
    outcome_done(&outcome);
    return 0;
}
