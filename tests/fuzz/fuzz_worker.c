/*
 * Fuzz target: what a worker sends while its script runs: frame_reader and run_verdict. However the
 * bytes are cut into parts, the verdict is the same; it is one that a worker may claim, its texts
 * are bounded, and a result is one JSON value.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "json_check.h"
#include "run_verdict.h"
#include "utf8.h"

#define RESULT_CAP 2048u
#define ERROR_CAP 8192u

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static const struct run_limits limits = {
    .timeout_us = 1500000, .memory_bytes = (100ULL << 20) + 1, .output_mb = 10, .processes = 64};

static void require(bool holds) {
    if (!holds)
        abort();
}

/* As run.c does it. True if the verdict stands. */
static bool take_bytes(struct frame_reader *reader, const char *bytes, size_t size,
                       struct outcome *outcome) {
    for (size_t at = 0, used; at < size; at += used)
        switch (frame_reader_feed(reader, bytes + at, size - at, &used)) {
        case FRAME_MORE:
            break;
        case FRAME_WHOLE:
            if (run_verdict_frame(outcome, reader, &limits))
                return true;
            frame_reader_next(reader);
            break;
        case FRAME_TOO_BIG:
            run_verdict_limit(outcome, VERDICT_OUTPUT, &limits);
            return true;
        case FRAME_BROKEN:
            run_verdict_no_result(outcome);
            return true;
        default:
            abort();
        }
    return false;
}

static void read_parts(const uint8_t *bytes, size_t size, size_t part, struct outcome *outcome) {
    struct frame_reader reader;
    bool settled = false;
    frame_reader_init(&reader, RESULT_CAP, ERROR_CAP);
    while (size > 0 && !settled) {
        size_t now = size < part ? size : part;
        /* A copy of its own, so that reading past it is seen. */
        char *copy = malloc(now);
        require(copy);
        memcpy(copy, bytes, now);
        settled = take_bytes(&reader, copy, now, outcome);
        free(copy);
        bytes += now;
        size -= now;
    }
    if (!settled)
        run_verdict_no_result(outcome);
    frame_reader_done(&reader);
}

static void check(const struct outcome *outcome) {
    static const struct json_limits json = {.depth = JSON_MAX_DEPTH};
    require(outcome->verdict != VERDICT_OVERLOADED && outcome->verdict != VERDICT_INTERNAL);
    require(outcome->verdict != VERDICT_KILLED && outcome->verdict != VERDICT_TIMEOUT);
    require(outcome->message.size <= RUN_MESSAGE_BYTES &&
            outcome->traceback.size <= RUN_TEXT_BYTES);
    if (outcome->verdict == VERDICT_SUCCESS)
        require(json_check(outcome->result.data, outcome->result.size, &json, NULL, NULL).fault ==
                JSON_OK);
    else
        require(outcome->result.size == 0);
    require(outcome->attachments.figures <= FIGURES_MOST);
    require(outcome->attachments.files <= (outcome->files_asked ? RETURNED_MOST : 0));
    require(outcome->note.size <= NOTE_BYTES);
}

static bool is_same(const struct buf *one, const struct buf *other) {
    return one->size == other->size &&
           (one->size == 0 || memcmp(one->data, other->data, one->size) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct outcome whole, parts;
    if (size < 1)
        return 0;
    outcome_init(&whole, RESULT_CAP, RUN_TEXT_BYTES);
    outcome_init(&parts, RESULT_CAP, RUN_TEXT_BYTES);
    whole.started = parts.started = true;
    whole.files_asked = parts.files_asked = bytes[0] & 1;
    read_parts(bytes + 1, size - 1, size, &whole);
    read_parts(bytes + 1, size - 1, 1 + bytes[0] % 64, &parts);
    check(&whole);
    check(&parts);
    require(whole.verdict == parts.verdict && whole.started == parts.started);
    require(whole.attachments.figures == parts.attachments.figures);
    require(whole.attachments.files == parts.attachments.files);
    require(is_same(&whole.note, &parts.note));
    require(is_same(&whole.message, &parts.message) && is_same(&whole.result, &parts.result));
    require(is_same(&whole.traceback, &parts.traceback));
    outcome_done(&whole);
    outcome_done(&parts);
    return 0;
}
