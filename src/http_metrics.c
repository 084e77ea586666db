/* http_metrics: looks at what is so right now, and has it written. */
#include "http_metrics.h"

#include "http_state.h"
#include "log.h"
#include "process_stats.h"
#include "queue.h"

int http_metrics_text(const struct http *http, struct buf *buf) {
    const struct queue_state queue = queue_state(http->queue);
    const int64_t resident_bytes = process_resident_bytes(), descriptors = process_descriptors();
    const struct metrics_state state = {
        .running = queue.running,
        .queued = queue.waiting,
        .slots = queue.slots,
        .pool_ready = queue.pool_ready,
        .connections = http->connections.count,
        .pool = queue.pool_counts,
        .layers = queue.report ? queue.report->layers : 0,
        .dropped_lines = log_dropped_count(),
        .refused_connections = http->refused_connections,
        .cut_connections = http->connections.cut,
        .started_us = (uint64_t)http->started_us,
        .cpu_us = (uint64_t)process_cpu_us(),
        .has_resident = resident_bytes >= 0,
        .has_descriptors = descriptors >= 0,
        .resident_bytes = (uint64_t)resident_bytes,
        .descriptors = (uint64_t)descriptors,
    };
    return metrics_write(&http->metrics, &state, buf);
}
