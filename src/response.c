/*
 * response: the body of an answer as a row of segments, encoded while it is read. Knows which keys
 * an outcome becomes and which status it has; nothing of connections or headers.
 */
#include "response.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "json_text.h"
#include "utf8.h"

/* An error's text is at most this many bytes of what the worker sent. */
static const size_t error_text_bytes = 4096;

enum { SEGMENTS_MAX = 16 };

struct segment {
    const char *bytes; /* static, or in the response's own buffers */
    size_t size;
    bool is_text; /* encode as the inside of a JSON string; else pass as it is */
};

struct response {
    struct outcome outcome; /* owns what the segments point to */
    int status;
    bool of_run;
    const char *word; /* of `outcome` */
    struct segment segments[SEGMENTS_MAX];
    unsigned segment_count;
    uint64_t size; /* of the encoded body */
    /* The reader. Every body starts with a literal, so all zero is its start. */
    unsigned segment;
    size_t raw_at;         /* how far, when the segment is not text */
    struct json_text text; /* how far, when it is */
};

static const int statuses[VERDICT_COUNT] = {
    [VERDICT_SUCCESS] = 200,    [VERDICT_NO_MAIN] = 400,    [VERDICT_SYNTAX_ERROR] = 400,
    [VERDICT_EXCEPTION] = 400,  [VERDICT_EXITED] = 400,     [VERDICT_KILLED] = 400,
    [VERDICT_BAD_RESULT] = 400, [VERDICT_TIMEOUT] = 400,    [VERDICT_MEMORY] = 400,
    [VERDICT_OUTPUT] = 400,     [VERDICT_OVERLOADED] = 503, [VERDICT_INTERNAL] = 500,
};

/* ---- what the body is made of ---- */

static void add_segment(struct response *response, const char *bytes, size_t size, bool is_text) {
    assert(response->segment_count < SEGMENTS_MAX);
    response->segments[response->segment_count++] = (struct segment){bytes, size, is_text};
    response->size += is_text ? json_text_size(bytes, size) : size;
}

static void add_literal(struct response *response, const char *literal) {
    add_segment(response, literal, strlen(literal), false);
}

/* opening is all that stands before the text: comma, key, colon and the opening quote. */
static void add_text(struct response *response, const char *opening, const struct buf *text) {
    add_literal(response, opening);
    add_segment(response, text->data, text->size, true);
    add_literal(response, "\"");
}

static void add_error(struct response *response, const char *word) {
    const struct buf *message = &response->outcome.message;
    size_t size = utf8_cut(message->data, message->size, error_text_bytes);
    add_literal(response, "{\"error\": \"");
    add_segment(response, message->data, size, true);
    add_literal(response, size < message->size ? "…\", \"outcome\": \"" : "\", \"outcome\": \"");
    add_literal(response, word);
    add_literal(response, "\"");
}

static void add_run(struct response *response) {
    const struct outcome *outcome = &response->outcome;
    if (outcome->verdict == VERDICT_SUCCESS) {
        add_literal(response, "{\"result\": ");
        add_segment(response, outcome->result.data, outcome->result.size, false);
    } else {
        add_error(response, verdict_word(outcome->verdict));
    }
    if (outcome->verdict == VERDICT_SUCCESS || outcome->started) {
        add_text(response, ", \"stdout\": \"", &outcome->stdout_bytes);
        if (outcome->stderr_bytes.size > 0)
            add_text(response, ", \"stderr\": \"", &outcome->stderr_bytes);
    }
    if (outcome->verdict != VERDICT_SUCCESS && outcome->started && outcome->traceback.size > 0)
        add_text(response, ", \"traceback\": \"", &outcome->traceback);
    add_literal(response, "}");
}

/* ---- life ---- */

int response_new_take(struct outcome *outcome, struct response **ret_response) {
    struct response *response = calloc(1, sizeof(*response));
    if (!response)
        return -ENOMEM;
    response->outcome = *outcome;
    response->of_run = true;
    response->status = statuses[outcome->verdict];
    response->word = verdict_word(outcome->verdict);
    struct buf *const taken[] = {&outcome->result, &outcome->message, &outcome->traceback,
                                 &outcome->stdout_bytes, &outcome->stderr_bytes};
    for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
        buf_init(taken[i], taken[i]->ceiling);
    add_run(response);
    *ret_response = response;
    return 0;
}

int response_new_error(int status, const char *word, const char *text,
                       struct response **ret_response) {
    struct response *response = calloc(1, sizeof(*response));
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
    return sizeof(*response) + outcome->result.capacity + outcome->message.capacity +
           outcome->traceback.capacity + outcome->stdout_bytes.capacity +
           outcome->stderr_bytes.capacity;
}

/* ---- reading ---- */

static void begin_segment(struct response *response) {
    if (response->segment == response->segment_count)
        return;
    const struct segment *segment = &response->segments[response->segment];
    response->raw_at = 0;
    if (segment->is_text)
        json_text_init(&response->text, segment->bytes, segment->size);
}

/* From the current segment; 0 when it is used up. */
static size_t read_segment(struct response *response, char *bytes, size_t size) {
    const struct segment *segment = &response->segments[response->segment];
    if (segment->is_text)
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
