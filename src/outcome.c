/*
 * outcome: how a run ended, in one value, and the words for it. Knows nothing of HTTP or JSON.
 */
#include "outcome.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *word;
    bool from_worker; /* a worker may claim it; the others are for the server to find out */
} verdicts[VERDICT_COUNT] = {
    [VERDICT_SUCCESS] = {"success", false},
    [VERDICT_NO_MAIN] = {"no_main", true},
    [VERDICT_SYNTAX_ERROR] = {"syntax_error", true},
    [VERDICT_INVALID_REQUEST] = {"invalid_request", true},
    [VERDICT_EXCEPTION] = {"exception", true},
    [VERDICT_EXITED] = {"exited", true},
    [VERDICT_KILLED] = {"killed", false},
    [VERDICT_BAD_RESULT] = {"bad_result", true},
    [VERDICT_TIMEOUT] = {"timeout", false},
    [VERDICT_MEMORY] = {"memory", true},
    [VERDICT_OUTPUT] = {"output", true},
    [VERDICT_OVERLOADED] = {"overloaded", false},
    [VERDICT_INTERNAL] = {"internal", false},
};

void outcome_init(struct outcome *outcome, size_t output_ceiling, size_t text_ceiling) {
    *outcome = (struct outcome){.verdict = VERDICT_SUCCESS};
    buf_init(&outcome->result, output_ceiling);
    buf_init(&outcome->stdout_bytes, output_ceiling);
    buf_init(&outcome->stderr_bytes, output_ceiling);
    buf_init(&outcome->message, text_ceiling);
    buf_init(&outcome->traceback, text_ceiling);
    buf_init(&outcome->note, NOTE_BYTES);
}

void outcome_done(struct outcome *outcome) {
    buf_done(&outcome->result);
    buf_done(&outcome->message);
    buf_done(&outcome->traceback);
    buf_done(&outcome->stdout_bytes);
    buf_done(&outcome->stderr_bytes);
    buf_done(&outcome->note);
    attachments_done(&outcome->attachments);
}

void outcome_set(struct outcome *outcome, enum verdict verdict, const char *format, ...) {
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    /* Into a new buffer, for the arguments may point into the old message. */
    struct buf message;
    buf_init(&message, outcome->message.ceiling);
    int length = vsnprintf(NULL, 0, format, arguments);
    size_t size = length < 0 ? 0 : (size_t)length;
    if (size > message.ceiling)
        size = message.ceiling;
    char *place = buf_reserve(&message, size);
    if (place) {
        vsnprintf(place, size + 1, format, again);
        buf_commit(&message, size);
    }
    va_end(again);
    va_end(arguments);
    buf_done(&outcome->message);
    outcome->message = message;
    outcome->verdict = verdict;
}

const char *verdict_word(enum verdict verdict) {
    return (unsigned)verdict < VERDICT_COUNT ? verdicts[verdict].word : "internal";
}

int verdict_from_worker(const char *word) {
    for (int verdict = 0; verdict < VERDICT_COUNT; verdict++) {
        if (verdicts[verdict].from_worker && strcmp(verdicts[verdict].word, word) == 0)
            return verdict;
    }
    return -EINVAL;
}
