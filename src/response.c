/*
 * response: the body of an answer as a row of segments, encoded while it is read. Knows which keys
 * an outcome becomes and which status it has; nothing of connections or headers.
 */
#include "response.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base64.h"
#include "json_text.h"
#include "utf8.h"

/* An error's text is at most this many bytes of what the worker sent. */
static const size_t error_text_bytes = 4096;

/* Of an answer without attachments; of one attachment. */
enum { SEGMENTS_MOST = 20, ATTACHMENT_SEGMENTS = 8 };

enum segment_kind {
    SEGMENT_PLAIN,  /* passes as it is */
    SEGMENT_TEXT,   /* is encoded as the inside of a JSON string */
    SEGMENT_BASE64, /* is encoded so */
};

struct segment {
    const char *bytes; /* static, or in the response's own buffers */
    size_t size;
    enum segment_kind kind;
};

struct response {
    struct outcome outcome; /* owns what the segments point to */
    int status;
    bool of_run;
    const char *word; /* of `outcome` */
    unsigned segment_count, segments_most;
    uint64_t size; /* of the encoded body */
    /* The reader. Every body starts with a literal, so all zero is its start. */
    unsigned segment;
    size_t raw_at; /* how far, by the segment's kind */
    struct json_text text;
    struct base64_encoder base64;
    struct segment segments[];
};

static const int statuses[VERDICT_COUNT] = {
    [VERDICT_SUCCESS] = 200,         [VERDICT_NO_MAIN] = 400,    [VERDICT_SYNTAX_ERROR] = 400,
    [VERDICT_INVALID_REQUEST] = 400, [VERDICT_EXCEPTION] = 400,  [VERDICT_EXITED] = 400,
    [VERDICT_KILLED] = 400,          [VERDICT_BAD_RESULT] = 400, [VERDICT_TIMEOUT] = 400,
    [VERDICT_MEMORY] = 400,          [VERDICT_OUTPUT] = 400,     [VERDICT_OVERLOADED] = 503,
    [VERDICT_INTERNAL] = 500,
};

/* ---- what the body is made of ---- */

static void add_segment(struct response *response, const char *bytes, size_t size,
                        enum segment_kind kind) {
    assert(response->segment_count < response->segments_most);
    response->segments[response->segment_count++] = (struct segment){bytes, size, kind};
    response->size += kind == SEGMENT_TEXT     ? json_text_size(bytes, size)
                      : kind == SEGMENT_BASE64 ? base64_encoded_size(size)
                                               : size;
}

static void add_literal(struct response *response, const char *literal) {
    add_segment(response, literal, strlen(literal), SEGMENT_PLAIN);
}

/* opening is all that stands before the text: comma, key, colon and the opening quote. */
static void add_text(struct response *response, const char *opening, const struct buf *text) {
    add_literal(response, opening);
    add_segment(response, text->data, text->size, SEGMENT_TEXT);
    add_literal(response, "\"");
}

static void add_error(struct response *response, const char *word) {
    const struct buf *message = &response->outcome.message;
    size_t size = utf8_cut(message->data, message->size, error_text_bytes);
    add_literal(response, "{\"error\": \"");
    add_segment(response, message->data, size, SEGMENT_TEXT);
    add_literal(response, size < message->size ? "…\", \"outcome\": \"" : "\", \"outcome\": \"");
    add_literal(response, word);
    add_literal(response, "\"");
}

static void add_stderr(struct response *response) {
    const struct buf *printed = &response->outcome.stderr_bytes, *note = &response->outcome.note;
    bool noted = response->outcome.verdict == VERDICT_SUCCESS && note->size > 0;
    if (printed->size == 0 && !noted)
        return;
    add_literal(response, ", \"stderr\": \"");
    add_segment(response, printed->data, printed->size, SEGMENT_TEXT);
    if (noted) {
        if (printed->size > 0 && printed->data[printed->size - 1] != '\n')
            add_literal(response, "\\n");
        add_segment(response, note->data, note->size, SEGMENT_TEXT);
    }
    add_literal(response, "\"");
}

/* All of one kind, each with its own opening before and after the comma. */
static void add_attachments(struct response *response, bool figures) {
    const struct attachments *attachments = &response->outcome.attachments;
    const char *comma = "";
    for (unsigned i = 0; i < attachments->count; i++) {
        const struct attachment *item = &attachments->items[i];
        if (item->is_figure != figures)
            continue;
        add_literal(response, comma);
        comma = ", ";
        if (figures) {
            add_literal(response, "{\"format\": \"png\", \"data\": \"");
        } else {
            add_literal(response, "\"");
            add_segment(response, item->bytes.data, item->data_start - 1, SEGMENT_TEXT);
            add_literal(response, "\": {\"data\": \"");
        }
        add_segment(response, item->bytes.data + item->data_start,
                    item->bytes.size - item->data_start, SEGMENT_BASE64);
        add_literal(response, figures ? "\"" : "\", \"size\": ");
        if (!figures)
            add_literal(response, item->size);
        add_literal(response, "}");
    }
}

static void add_extras(struct response *response) {
    if (response->outcome.attachments.figures > 0) {
        add_literal(response, ", \"figures\": [");
        add_attachments(response, true);
        add_literal(response, "]");
    }
    if (response->outcome.files_asked) {
        add_literal(response, ", \"files\": {");
        add_attachments(response, false);
        add_literal(response, "}");
    }
}

static void add_run(struct response *response) {
    const struct outcome *outcome = &response->outcome;
    if (outcome->verdict == VERDICT_SUCCESS) {
        add_literal(response, "{\"result\": ");
        add_segment(response, outcome->result.data, outcome->result.size, SEGMENT_PLAIN);
    } else {
        add_error(response, verdict_word(outcome->verdict));
    }
    if (outcome->verdict == VERDICT_SUCCESS || outcome->started) {
        add_text(response, ", \"stdout\": \"", &outcome->stdout_bytes);
        add_stderr(response);
    }
    if (outcome->verdict == VERDICT_SUCCESS)
        add_extras(response);
    if (outcome->verdict != VERDICT_SUCCESS && outcome->started && outcome->traceback.size > 0)
        add_text(response, ", \"traceback\": \"", &outcome->traceback);
    add_literal(response, "}");
}

/* ---- life ---- */

static struct response *new_response(unsigned segments_most) {
    struct response *response =
        calloc(1, sizeof(*response) + segments_most * sizeof(response->segments[0]));
    if (response)
        response->segments_most = segments_most;
    return response;
}

int response_new_take(struct outcome *outcome, struct response **ret_response) {
    struct response *response =
        new_response(SEGMENTS_MOST + outcome->attachments.count * ATTACHMENT_SEGMENTS);
    if (!response)
        return -ENOMEM;
    response->outcome = *outcome;
    response->of_run = true;
    response->status = statuses[outcome->verdict];
    response->word = verdict_word(outcome->verdict);
    struct buf *const taken[] = {&outcome->result,       &outcome->message,
                                 &outcome->traceback,    &outcome->stdout_bytes,
                                 &outcome->stderr_bytes, &outcome->note};
    for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
        buf_init(taken[i], taken[i]->ceiling);
    outcome->attachments = (struct attachments){0};
    add_run(response);
    *ret_response = response;
    return 0;
}

int response_new_error(int status, const char *word, const char *text,
                       struct response **ret_response) {
    struct response *response = new_response(SEGMENTS_MOST);
    if (!response)
        return -ENOMEM;
    size_t size = strlen(text);
    outcome_init(&response->outcome, 0, size);
    if (buf_append(&response->outcome.message, text, size) < 0) {
        free(response);
        return -ENOMEM;
    }
    response->status = status;
    response->word = word;
    add_error(response, word);
    add_literal(response, "}");
    *ret_response = response;
    return 0;
}

void response_free(struct response *response) {
    if (!response)
        return;
    outcome_done(&response->outcome);
    free(response);
}

/* ---- what the HTTP side asks ---- */

int response_status(const struct response *response) {
    return response->status;
}

uint64_t response_size(const struct response *response) {
    return response->size;
}

unsigned response_retry_after_s(const struct response *response) {
    const struct outcome *outcome = &response->outcome;
    return outcome->verdict == VERDICT_OVERLOADED ? outcome->retry_after_s : 0;
}

int64_t response_queue_us(const struct response *response) {
    return response->of_run ? response->outcome.queue_us : -1;
}

const struct stage_trace *response_trace(const struct response *response) {
    return &response->outcome.trace;
}

int64_t response_run_us(const struct response *response) {
    return response->of_run ? response->outcome.run_us : -1;
}

uint64_t response_peak_memory_bytes(const struct response *response) {
    return response->outcome.peak_memory_bytes;
}

const char *response_word(const struct response *response) {
    return response->word;
}

size_t response_held_bytes(const struct response *response) {
    const struct outcome *outcome = &response->outcome;
    return sizeof(*response) + response->segments_most * sizeof(response->segments[0]) +
           attachments_held_bytes(&outcome->attachments) + outcome->note.capacity +
           outcome->result.capacity + outcome->message.capacity + outcome->traceback.capacity +
           outcome->stdout_bytes.capacity + outcome->stderr_bytes.capacity;
}

/* ---- reading ---- */

static void begin_segment(struct response *response) {
    if (response->segment == response->segment_count)
        return;
    const struct segment *segment = &response->segments[response->segment];
    response->raw_at = 0;
    if (segment->kind == SEGMENT_TEXT)
        json_text_init(&response->text, segment->bytes, segment->size);
    else if (segment->kind == SEGMENT_BASE64)
        base64_encoder_init(&response->base64, segment->bytes, segment->size);
}

/* From the current segment; 0 when it is used up. */
static size_t read_segment(struct response *response, char *bytes, size_t size) {
    const struct segment *segment = &response->segments[response->segment];
    if (segment->kind == SEGMENT_BASE64)
        return base64_encoder_read(&response->base64, bytes, size);
    if (segment->kind == SEGMENT_TEXT)
        return json_text_read(&response->text, bytes, size);
    size_t left = segment->size - response->raw_at;
    if (size > left)
        size = left;
    if (size > 0)
        memcpy(bytes, segment->bytes + response->raw_at, size);
    response->raw_at += size;
    return size;
}

size_t response_read(struct response *response, char *bytes, size_t size) {
    size_t done = 0;
    while (done < size && response->segment < response->segment_count) {
        size_t part = read_segment(response, bytes + done, size - done);
        done += part;
        if (part == 0) {
            response->segment++;
            begin_segment(response);
        }
    }
    return done;
}
