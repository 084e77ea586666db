/*
 * histogram: how many values of what size, in buckets that are fixed at compile time. Whole numbers
 * only, so that sums stay exact. Pure.
 */
#ifndef HISTOGRAM_H
#define HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_BOUNDS_MOST 20

struct histogram_scale {
    unsigned divisor; /* from what is observed to what is shown: 1000000 for us shown in s */
    unsigned count;
    uint64_t bounds[HISTOGRAM_BOUNDS_MOST]; /* ascending, as observed; each bucket has its bound */
};

extern const struct histogram_scale histogram_us;    /* 1 ms to 60 s, shown in seconds */
extern const struct histogram_scale histogram_bytes; /* 8 MiB to 4 GiB */

/* Valid with a scale and the rest zero. */
struct histogram {
    const struct histogram_scale *scale;
    uint64_t buckets[HISTOGRAM_BOUNDS_MOST + 1]; /* not cumulative; the last: over all bounds */
    uint64_t sum;
};

/* A negative value counts as 0. */
void histogram_observe(struct histogram *histogram, int64_t value);

uint64_t histogram_count(const struct histogram *histogram);

#endif
