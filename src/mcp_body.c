/* mcp_body: a script that failed is a result that says so (isError); that there was no place for it
 * is an error of the protocol. */
#include "mcp_body.h"

#include "answer_body.h"

/* Of the answer without attachments, beside those of structuredContent; of one figure; of one file.
 */
enum { SEGMENTS_MOST = 34, FIGURE_SEGMENTS = 3, FILE_SEGMENTS = 4 };

unsigned mcp_body_segments(const struct outcome *outcome) {
    return SEGMENTS_MOST + answer_body_segments(outcome) +
           outcome->attachments.figures * FIGURE_SEGMENTS +
           outcome->attachments.files * FILE_SEGMENTS;
}

static void add_output(struct segments *segments, const struct outcome *outcome) {
    const struct buf *printed = &outcome->stdout_bytes;
    if (printed->size > 0) {
        segments_add_literal(segments, ", {\"type\": \"text\", \"text\": \"stdout:\\n");
        segments_add(segments, printed->data, printed->size, SEGMENT_TEXT);
        segments_add_literal(segments, "\"}");
    }
    if (answer_body_has_stderr(outcome)) {
        segments_add_literal(segments, ", {\"type\": \"text\", \"text\": \"stderr:\\n");
        answer_body_add_stderr(segments, outcome);
        segments_add_literal(segments, "\"}");
    }
}

static void add_figures(struct segments *segments, const struct outcome *outcome) {
    for (unsigned i = 0; i < outcome->attachments.count; i++) {
        const struct attachment *item = &outcome->attachments.items[i];
        if (!item->is_figure)
            continue;
        segments_add_literal(segments,
                             ", {\"type\": \"image\", \"mimeType\": \"image/png\", \"data\": \"");
        segments_add(segments, item->bytes.data + item->data_start,
                     item->bytes.size - item->data_start, SEGMENT_BASE64);
        segments_add_literal(segments, "\"}");
    }
}

/* Their names: what is in them is in structuredContent, which many clients show to no model. */
static void add_files(struct segments *segments, const struct outcome *outcome) {
    if (outcome->attachments.files == 0)
        return;
    segments_add_literal(segments, ", {\"type\": \"text\", \"text\": \"files:\\n");
    for (unsigned i = 0; i < outcome->attachments.count; i++) {
        const struct attachment *item = &outcome->attachments.items[i];
        if (item->is_figure)
            continue;
        segments_add(segments, item->bytes.data, item->data_start - 1, SEGMENT_TEXT);
        segments_add_literal(segments, " (");
        segments_add_literal(segments, item->size);
        segments_add_literal(segments, " bytes)\\n");
    }
    segments_add_literal(segments, "\"}");
}

static void add_success(struct segments *segments, const struct outcome *outcome) {
    segments_add(segments, outcome->result.data, outcome->result.size, SEGMENT_TEXT);
    segments_add_literal(segments, "\"}");
    add_output(segments, outcome);
    add_files(segments, outcome);
    add_figures(segments, outcome);
    segments_add_literal(segments, "], \"structuredContent\": ");
    answer_body_add(segments, outcome, false);
    segments_add_literal(segments, ", \"isError\": false}}");
}

/* Without structuredContent, which has to be as the tool's outputSchema says: what main returned.
 */
static void add_failure(struct segments *segments, const struct outcome *outcome) {
    segments_add_literal(segments, verdict_word(outcome->verdict));
    segments_add_literal(segments, ": ");
    answer_body_add_message(segments, &outcome->message);
    if (outcome->traceback.size > 0) {
        segments_add_literal(segments, "\\n");
        segments_add(segments, outcome->traceback.data, outcome->traceback.size, SEGMENT_TEXT);
    }
    segments_add_literal(segments, "\"}");
    if (outcome->started)
        add_output(segments, outcome);
    segments_add_literal(segments, "], \"isError\": true}}");
}

void mcp_body_add(struct segments *segments, const struct outcome *outcome, const char *id) {
    segments_add_literal(segments, "{\"jsonrpc\": \"2.0\", \"id\": ");
    segments_add_literal(segments, id);
    if (outcome->verdict == VERDICT_OVERLOADED || outcome->verdict == VERDICT_INTERNAL) {
        bool internal = outcome->verdict == VERDICT_INTERNAL;
        segments_add_literal(segments, internal
                                           ? ", \"error\": {\"code\": -32603, \"message\": \""
                                           : ", \"error\": {\"code\": -32000, \"message\": \"");
        answer_body_add_message(segments, &outcome->message);
        segments_add_literal(segments, "\"}}");
        return;
    }
    segments_add_literal(segments,
                         ", \"result\": {\"content\": [{\"type\": \"text\", \"text\": \"");
    if (outcome->verdict == VERDICT_SUCCESS)
        add_success(segments, outcome);
    else
        add_failure(segments, outcome);
}
