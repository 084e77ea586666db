/*
 * response: the body of an answer as a row of segments, and what belongs into its head. Knows which
 * status an outcome has; nothing of connections.
 */
#include "response.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "answer_body.h"
#include "mcp_body.h"
#include "segments.h"

struct response {
    struct outcome outcome; /* owns what the segments point to */
    char *id;               /* of a JSON-RPC request, and so do they to this; NULL: none */
    int status;
    bool of_run;
    const char *word; /* of `outcome` */
    struct segments segments;
};

static const int statuses[VERDICT_COUNT] = {
    [VERDICT_SUCCESS] = 200,         [VERDICT_NO_MAIN] = 400,    [VERDICT_SYNTAX_ERROR] = 400,
    [VERDICT_INVALID_REQUEST] = 400, [VERDICT_EXCEPTION] = 400,  [VERDICT_EXITED] = 400,
    [VERDICT_KILLED] = 400,          [VERDICT_BAD_RESULT] = 400, [VERDICT_TIMEOUT] = 400,
    [VERDICT_MEMORY] = 400,          [VERDICT_OUTPUT] = 400,     [VERDICT_OVERLOADED] = 503,
    [VERDICT_INTERNAL] = 500,
};

/* ---- life ---- */

/* Takes what the outcome owns; the segments are still to be filled. NULL if out of memory. */
static struct response *new_of_run(struct outcome *outcome, unsigned segments_most) {
    struct response *response = calloc(1, sizeof(*response));
    if (!response || segments_init(&response->segments, segments_most) < 0) {
        free(response);
        return NULL;
    }
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
    return response;
}

int response_new_take(struct outcome *outcome, struct response **ret_response) {
    struct response *response = new_of_run(outcome, answer_body_segments(outcome));
    if (!response)
        return -ENOMEM;
    answer_body_add(&response->segments, &response->outcome, true);
    *ret_response = response;
    return 0;
}

int response_new_mcp_take(struct outcome *outcome, const char *id, struct response **ret_response) {
    char *copy = strdup(id);
    struct response *response = copy ? new_of_run(outcome, mcp_body_segments(outcome)) : NULL;
    if (!response) {
        free(copy);
        return -ENOMEM;
    }
    response->id = copy;
    /* How the script fared is the tool's result; that there was none is not. */
    if (response->status == 400)
        response->status = 200;
    mcp_body_add(&response->segments, &response->outcome, copy);
    *ret_response = response;
    return 0;
}

int response_new_error(int status, const char *word, const char *text,
                       struct response **ret_response) {
    struct outcome outcome;
    struct response *response = NULL;
    size_t size = strlen(text);
    outcome_init(&outcome, 0, size);
    if (buf_append(&outcome.message, text, size) == 0)
        response = new_of_run(&outcome, answer_body_segments(&outcome));
    outcome_done(&outcome);
    if (!response)
        return -ENOMEM;
    response->of_run = false;
    response->status = status;
    response->word = word;
    answer_body_add_error(&response->segments, &response->outcome.message, word);
    *ret_response = response;
    return 0;
}

void response_free(struct response *response) {
    if (!response)
        return;
    segments_done(&response->segments);
    outcome_done(&response->outcome);
    free(response->id);
    free(response);
}

/* ---- what the HTTP side asks ---- */

int response_status(const struct response *response) {
    return response->status;
}

uint64_t response_size(const struct response *response) {
    return response->segments.size;
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
    return sizeof(*response) + segments_held_bytes(&response->segments) +
           attachments_held_bytes(&outcome->attachments) + outcome->note.capacity +
           outcome->result.capacity + outcome->message.capacity + outcome->traceback.capacity +
           outcome->stdout_bytes.capacity + outcome->stderr_bytes.capacity;
}

size_t response_read(struct response *response, char *bytes, size_t size) {
    return segments_read(&response->segments, bytes, size);
}
