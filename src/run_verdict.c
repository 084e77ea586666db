/* run_verdict: the texts of the contract's table that are the server's to write. */
#include "run_verdict.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "json_check.h"
#include "utf8.h"

/* A limit as a person writes it: "30", "1.5". Of six digits behind the point none is a zero at the
 * end. */
static void format_limit(double value, char text[32]) {
    int length = snprintf(text, 32, "%.6f", value);
    while (text[length - 1] == '0')
        text[--length] = '\0';
    if (text[length - 1] == '.')
        text[--length] = '\0';
}

void run_verdict_limit(struct outcome *outcome, enum verdict verdict,
                       const struct run_limits *limits) {
    char text[32];
    switch (verdict) {
    case VERDICT_TIMEOUT:
        format_limit((double)limits->timeout_us / 1000000, text);
        outcome_set(outcome, verdict, "Script execution timed out (%ss limit)", text);
        break;
    case VERDICT_MEMORY:
        format_limit((double)limits->memory_bytes / (1 << 20), text);
        outcome_set(outcome, verdict, "Memory limit exceeded (%sMB limit)", text);
        break;
    default:
        outcome_set(outcome, VERDICT_OUTPUT, "Output limit exceeded (%" PRIu64 "MB limit)",
                    limits->output_mb);
    }
}

bool run_verdict_watched(struct outcome *outcome, const struct zygote_event *event,
                         const struct run_limits *limits) {
    if (event->flags & ENDED_OUT_OF_MEMORY)
        run_verdict_limit(outcome, VERDICT_MEMORY, limits);
    else if (event->flags & ENDED_PROCESSES)
        outcome_set(outcome, VERDICT_KILLED,
                    "Script was killed: too many processes and threads (%" PRIu64 " limit)",
                    limits->processes);
    else if (event->flags & ENDED_SCRATCH)
        outcome_set(outcome, VERDICT_KILLED,
                    "Script was killed: its files are too large or too many (%" PRIu64 "MB limit)",
                    event->scratch_limit_bytes >> 20);
    else
        return false;
    return true;
}

void run_verdict_no_result(struct outcome *outcome) {
    outcome_set(outcome, VERDICT_EXITED, "Script ended without returning a result");
}

static void take_result(struct outcome *outcome, struct frame_reader *reader) {
    struct json_limits limits = {.depth = JSON_MAX_DEPTH};
    struct json_report report =
        json_check(reader->payload.data, reader->payload.size, &limits, NULL, NULL);
    if (report.fault == JSON_OK) {
        outcome->verdict = VERDICT_SUCCESS;
        buf_done(&outcome->result);
        outcome->result = reader->payload;
        buf_init(&reader->payload, 0);
        return;
    }
    outcome_set(outcome, VERDICT_BAD_RESULT, "Result is not JSON: %s",
                json_fault_text(report.fault));
}

static void set_text(struct buf *text, const char *bytes, size_t size, size_t limit) {
    buf_done(text);
    /* Out of memory leaves the text empty: the verdict still stands. */
    (void)buf_append(text, bytes, utf8_cut(bytes, size, limit));
}

static void take_error(struct outcome *outcome, const struct buf *payload,
                       const struct run_limits *limits) {
    struct frame_error error;
    int verdict = -1;
    if (frame_error_parse(payload, &error) == 0)
        verdict = verdict_from_worker(error.word);
    if (verdict < 0) {
        run_verdict_no_result(outcome);
        return;
    }
    if (verdict == VERDICT_MEMORY || verdict == VERDICT_OUTPUT) {
        run_verdict_limit(outcome, (enum verdict)verdict, limits);
    } else {
        outcome->verdict = (enum verdict)verdict;
        set_text(&outcome->message, error.message, error.message_size, RUN_MESSAGE_BYTES);
    }
    set_text(&outcome->traceback, error.traceback, error.traceback_size, RUN_TEXT_BYTES);
    /* Such a script has had no effect: nothing of it ran. */
    if (verdict == VERDICT_NO_MAIN || verdict == VERDICT_SYNTAX_ERROR)
        outcome->started = false;
}

/* What comes before a result. 0 or -errno. */
static int take_extra(struct outcome *outcome, struct frame_reader *reader,
                      const struct run_limits *limits) {
    if (reader->header.type != FRAME_NOTE) {
        bool is_file = reader->header.type == FRAME_RETURNED;
        if (is_file && !outcome->files_asked)
            return -EINVAL;
        return attachments_take(&outcome->attachments, reader->header.type, &reader->payload,
                                (size_t)limits->output_mb << 20);
    }
    /* An empty one could come for ever. */
    if (outcome->note.size > 0 || reader->payload.size == 0)
        return -EINVAL;
    return buf_append(&outcome->note, reader->payload.data, reader->payload.size);
}

bool run_verdict_frame(struct outcome *outcome, struct frame_reader *reader,
                       const struct run_limits *limits) {
    if (reader->header.type == FRAME_RESULT) {
        take_result(outcome, reader);
        return true;
    }
    if (reader->header.type == FRAME_ERROR) {
        take_error(outcome, &reader->payload, limits);
        return true;
    }
    switch (take_extra(outcome, reader, limits)) {
    case 0:
        return false;
    case -EFBIG:
        run_verdict_limit(outcome, VERDICT_OUTPUT, limits);
        return true;
    case -ENOMEM:
        outcome_set(outcome, VERDICT_INTERNAL, "The service is out of memory");
        return true;
    default:
        run_verdict_no_result(outcome);
        return true;
    }
}

void run_verdict_ended(struct outcome *outcome, const struct zygote_event *event) {
    int status = event->wait_status;
    if (!(event->flags & ENDED_STATUS_KNOWN)) {
        /* Its init was killed, which a script cannot do. */
        outcome_set(outcome, VERDICT_INTERNAL, "The sandbox ended before the script did");
    } else if (WIFSIGNALED(status)) {
        const char *name = sigabbrev_np(WTERMSIG(status));
        outcome_set(outcome, VERDICT_KILLED, "Script was killed by signal %d%s%s%s",
                    WTERMSIG(status), name ? " (SIG" : "", name ? name : "", name ? ")" : "");
    } else {
        outcome_set(outcome, VERDICT_EXITED,
                    "Script ended the interpreter with exit status %d before main() returned",
                    WEXITSTATUS(status));
    }
}

bool run_verdict_limit_explains(enum verdict verdict) {
    return verdict == VERDICT_TIMEOUT || verdict == VERDICT_KILLED || verdict == VERDICT_EXITED ||
           verdict == VERDICT_SUCCESS;
}
