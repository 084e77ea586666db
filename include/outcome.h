/*
 * outcome: how a run ended. One value from the run's state machine to the response; owns what the
 * script printed and returned. Says nothing of HTTP: response.c maps it to a status and a body.
 */
#ifndef OUTCOME_H
#define OUTCOME_H

#include <stdbool.h>
#include <stdint.h>

#include "attachments.h"
#include "buf.h"
#include "protocol.h"

enum verdict {
    VERDICT_SUCCESS,
    /* faults of the script */
    VERDICT_NO_MAIN,
    VERDICT_SYNTAX_ERROR,
    VERDICT_INVALID_REQUEST, /* its main() does not take the arguments that it was to have */
    VERDICT_EXCEPTION,
    VERDICT_EXITED,
    VERDICT_KILLED,
    VERDICT_BAD_RESULT,
    VERDICT_TIMEOUT,
    VERDICT_MEMORY,
    VERDICT_OUTPUT,
    /* faults of the service */
    VERDICT_OVERLOADED, /* queue full, waited too long, draining */
    VERDICT_INTERNAL,   /* the sandbox could not be set up, or broke */
    VERDICT_COUNT
};

struct outcome {
    enum verdict verdict;
    bool started;       /* the script had been handed over: stdout belongs into an error's body */
    struct buf result;  /* JSON text, checked; for VERDICT_SUCCESS */
    struct buf message; /* raw bytes from the worker, or our own text: the `error` of the answer */
    struct buf traceback;                  /* raw bytes from the worker; may be empty */
    struct buf stdout_bytes, stderr_bytes; /* as printed: any bytes */
    struct buf note;                       /* raw bytes from the worker, for the end of stderr */
    struct attachments attachments;        /* for VERDICT_SUCCESS */
    bool files_asked;                      /* `files` belongs into the answer, be it empty */
    int64_t queue_us, run_us;              /* waited in the queue; from dispatch to the end */
    uint64_t peak_memory_bytes;            /* of all its processes; 0: not known */
    struct stage_trace trace; /* with --trace: how long its worker's start took; else zero */
    unsigned retry_after_s;   /* for VERDICT_OVERLOADED */
};

/* Zero-filled buffers with the given ceilings (bytes): output for stdout, stderr and result; texts
 * for message and traceback. */
void outcome_init(struct outcome *outcome, size_t output_ceiling, size_t text_ceiling);
void outcome_done(struct outcome *outcome);

/* Sets verdict and message (printf style, cut to the text ceiling). What was printed stays. */
void outcome_set(struct outcome *outcome, enum verdict verdict, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The word of the `outcome` field: "no_main", "timeout", ...; "success" for VERDICT_SUCCESS. Static
 * storage. */
const char *verdict_word(enum verdict verdict);

/* The verdict that a worker may claim in FRAME_ERROR by this word (no_main, syntax_error,
 * invalid_request, exception, exited, bad_result, memory, output); -EINVAL for any other. */
int verdict_from_worker(const char *word);

#endif
