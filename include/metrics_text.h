/*
 * metrics_text: the Prometheus text format, version 0.0.4: families, samples, histograms, appended
 * to a buffer. Knows no metric. Pure but for memory.
 */
#ifndef METRICS_TEXT_H
#define METRICS_TEXT_H

#include <stdint.h>

#include "buf.h"
#include "histogram.h"

/* Valid after {.buf = ...}. Once something did not fit, error is its -errno, and nothing more is
 * added. */
struct metrics_text {
    struct buf *buf;
    int error;
};

struct metrics_label {
    const char *name, *value; /* value: any text, escaped */
};

/* Each family once, before its samples. type: "counter", "gauge". help: one line of ours. */
void metrics_text_family(struct metrics_text *text, const char *name, const char *type,
                         const char *help);

/* One sample; labels end with one without a name; NULL: none. */
void metrics_text_count(struct metrics_text *text, const char *name,
                        const struct metrics_label *labels, uint64_t value);
/* divisor: a power of ten; value / divisor is shown, exactly. */
void metrics_text_fraction(struct metrics_text *text, const char *name, uint64_t value,
                           unsigned divisor);

/* A family of its own, with its samples. */
void metrics_text_histogram(struct metrics_text *text, const char *name, const char *help,
                            const struct histogram *histogram);

#endif
