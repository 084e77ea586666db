/*
 * run_verdict: what the ends of a run mean: a worker's frame, its exit status, a limit that was
 * reached -> verdict and text of the outcome. Pure but for memory.
 */
#ifndef RUN_VERDICT_H
#define RUN_VERDICT_H

#include "frame_reader.h"
#include "outcome.h"

/* Ceilings of an outcome's texts and of a FRAME_ERROR, bytes. */
#define RUN_TEXT_BYTES ((size_t)64 << 10)
#define RUN_MESSAGE_BYTES ((size_t)4 << 10)
#define RUN_ERROR_FRAME_BYTES ((size_t)256 << 10)

/* What one run may use at the most. */
struct run_limits {
    int64_t timeout_us;
    uint64_t memory_bytes;
    uint64_t output_mb, processes;
};

/* VERDICT_TIMEOUT, VERDICT_MEMORY or VERDICT_OUTPUT, in the contract's words with the limit. */
void run_verdict_limit(struct outcome *outcome, enum verdict verdict,
                       const struct run_limits *limits);

/* From a limit for which the kernel or the watchdog has ended it; false if it was none. */
bool run_verdict_watched(struct outcome *outcome, const struct zygote_event *event,
                         const struct run_limits *limits);

/* "ended without returning a result" */
void run_verdict_no_result(struct outcome *outcome);

/* From a whole frame; takes the payload if it is a result, or comes before one. True if the verdict
 * stands; else more frames may follow. */
bool run_verdict_frame(struct outcome *outcome, struct frame_reader *reader,
                       const struct run_limits *limits);

/* From how its worker ended, if nothing was known before. */
void run_verdict_ended(struct outcome *outcome, const struct zygote_event *event);

/* Whether "something of it was killed for a limit" explains this verdict better. */
bool run_verdict_limit_explains(enum verdict verdict);

#endif
