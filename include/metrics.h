/*
 * metrics: what the service counts, and all its metrics as a text for Prometheus. What others count
 * or what is so only at the moment is handed over when the text is written. Their names are an
 * interface: others build alerts on them. No label has a value that a client could choose. Pure but
 * for memory: no clock, no I/O, no HTTP.
 */
#ifndef METRICS_H
#define METRICS_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "histogram.h"
#include "outcome.h"

struct pool_counts;

enum metrics_target {
    METRICS_EXECUTE,
    METRICS_HEALTH,
    METRICS_READY,
    METRICS_METRICS,
    METRICS_MCP,
    METRICS_OPENAPI,
    METRICS_PAGE,
    METRICS_OTHER,
    METRICS_TARGETS
};

#define METRICS_STATUSES 600 /* of HTTP, all of three digits; others are not counted */

struct metrics {
    uint64_t requests[METRICS_TARGETS][METRICS_STATUSES];
    uint64_t runs[VERDICT_COUNT], cancelled;
    struct histogram queue_us, run_us, request_us, peak_bytes;
};

/* What is not counted here. */
struct metrics_state {
    unsigned running, queued, slots, pool_ready, connections;
    const struct pool_counts *pool;
    uint32_t layers; /* bits 1 << enum sandbox_layer */
    uint64_t dropped_lines;
    uint64_t refused_connections, cut_connections;
    uint64_t started_us; /* of the server process, since 1970 */
    uint64_t cpu_us;
    bool has_resident, has_descriptors; /* else not known */
    uint64_t resident_bytes, descriptors;
};

void metrics_init(struct metrics *metrics);

/* A finished request. total_us is only looked at if it is of METRICS_EXECUTE. */
void metrics_count_request(struct metrics *metrics, enum metrics_target target, unsigned status,
                           int64_t total_us);
/* What a request for a run came to: it ran, or was refused for lack of a slot. */
void metrics_count_run(struct metrics *metrics, const struct outcome *outcome);
/* Its client left before. */
void metrics_count_cancelled(struct metrics *metrics);

/* Appends all metrics. 0 or -errno of the buffer, which then has a part of them. */
int metrics_write(const struct metrics *metrics, const struct metrics_state *state,
                  struct buf *buf);

#endif
