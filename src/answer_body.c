/* answer_body: every error's text ends somewhere, and the result passes as it is. */
#include "answer_body.h"

#include <string.h>

#include "utf8.h"

/* An error's text is at most this many bytes of what the worker sent. */
static const size_t error_text_bytes = 4096;

/* Of an answer without attachments; of one attachment. */
enum { SEGMENTS_MOST = 24, ATTACHMENT_SEGMENTS = 8 };

unsigned answer_body_segments(const struct outcome *outcome) {
    return SEGMENTS_MOST + outcome->attachments.count * ATTACHMENT_SEGMENTS;
}

/* opening is all that stands before the text: comma, key, colon and the opening quote. */
static void add_text(struct segments *segments, const char *opening, const struct buf *text) {
    segments_add_literal(segments, opening);
    segments_add(segments, text->data, text->size, SEGMENT_TEXT);
    segments_add_literal(segments, "\"");
}

void answer_body_add_message(struct segments *segments, const struct buf *message) {
    size_t size = utf8_cut(message->data, message->size, error_text_bytes);
    segments_add(segments, message->data, size, SEGMENT_TEXT);
    if (size < message->size)
        segments_add_literal(segments, "…");
}

/* Without the closing brace. */
static void add_error(struct segments *segments, const struct buf *message, const char *word) {
    segments_add_literal(segments, "{\"error\": \"");
    answer_body_add_message(segments, message);
    segments_add_literal(segments, "\", \"outcome\": \"");
    segments_add_literal(segments, word);
    segments_add_literal(segments, "\"");
}

void answer_body_add_error(struct segments *segments, const struct buf *message, const char *word) {
    add_error(segments, message, word);
    segments_add_literal(segments, "}");
}

static bool is_noted(const struct outcome *outcome) {
    return outcome->verdict == VERDICT_SUCCESS && outcome->note.size > 0;
}

bool answer_body_has_stderr(const struct outcome *outcome) {
    return outcome->stderr_bytes.size > 0 || is_noted(outcome);
}

void answer_body_add_stderr(struct segments *segments, const struct outcome *outcome) {
    const struct buf *printed = &outcome->stderr_bytes, *note = &outcome->note;
    segments_add(segments, printed->data, printed->size, SEGMENT_TEXT);
    if (!is_noted(outcome))
        return;
    if (printed->size > 0 && printed->data[printed->size - 1] != '\n')
        segments_add_literal(segments, "\\n");
    segments_add(segments, note->data, note->size, SEGMENT_TEXT);
}

static void add_output(struct segments *segments, const struct outcome *outcome) {
    add_text(segments, ", \"stdout\": \"", &outcome->stdout_bytes);
    if (!answer_body_has_stderr(outcome))
        return;
    segments_add_literal(segments, ", \"stderr\": \"");
    answer_body_add_stderr(segments, outcome);
    segments_add_literal(segments, "\"");
}

/* All of one kind, each with its own opening before and after the comma. */
static void add_attachments(struct segments *segments, const struct outcome *outcome,
                            bool figures) {
    const struct attachments *attachments = &outcome->attachments;
    const char *comma = "";
    for (unsigned i = 0; i < attachments->count; i++) {
        const struct attachment *item = &attachments->items[i];
        if (item->is_figure != figures)
            continue;
        segments_add_literal(segments, comma);
        comma = ", ";
        if (figures) {
            segments_add_literal(segments, "{\"format\": \"png\", \"data\": \"");
        } else {
            segments_add_literal(segments, "\"");
            segments_add(segments, item->bytes.data, item->data_start - 1, SEGMENT_TEXT);
            segments_add_literal(segments, "\": {\"data\": \"");
        }
        segments_add(segments, item->bytes.data + item->data_start,
                     item->bytes.size - item->data_start, SEGMENT_BASE64);
        segments_add_literal(segments, figures ? "\"" : "\", \"size\": ");
        if (!figures)
            segments_add_literal(segments, item->size);
        segments_add_literal(segments, "}");
    }
}

static void add_extras(struct segments *segments, const struct outcome *outcome, bool figures) {
    if (figures && outcome->attachments.figures > 0) {
        segments_add_literal(segments, ", \"figures\": [");
        add_attachments(segments, outcome, true);
        segments_add_literal(segments, "]");
    }
    if (outcome->files_asked) {
        segments_add_literal(segments, ", \"files\": {");
        add_attachments(segments, outcome, false);
        segments_add_literal(segments, "}");
    }
}

void answer_body_add(struct segments *segments, const struct outcome *outcome, bool figures) {
    if (outcome->verdict == VERDICT_SUCCESS) {
        segments_add_literal(segments, "{\"result\": ");
        segments_add(segments, outcome->result.data, outcome->result.size, SEGMENT_PLAIN);
        add_output(segments, outcome);
        add_extras(segments, outcome, figures);
    } else {
        add_error(segments, &outcome->message, verdict_word(outcome->verdict));
        if (outcome->started)
            add_output(segments, outcome);
        if (outcome->traceback.size > 0)
            add_text(segments, ", \"traceback\": \"", &outcome->traceback);
    }
    segments_add_literal(segments, "}");
}
