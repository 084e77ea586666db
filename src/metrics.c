/* metrics: counting, and one function a group of metrics that belong together. */
#include "metrics.h"

#include <stdio.h>

#include "metrics_text.h"
#include "pool.h"
#include "version.h"

static const char *const targets[METRICS_TARGETS] = {
    [METRICS_EXECUTE] = "execute", [METRICS_HEALTH] = "health", [METRICS_READY] = "ready",
    [METRICS_METRICS] = "metrics", [METRICS_MCP] = "mcp",       [METRICS_OPENAPI] = "openapi",
    [METRICS_PAGE] = "page",       [METRICS_OTHER] = "other",
};

/* ---- counting ---- */

void metrics_init(struct metrics *metrics) {
    *metrics = (struct metrics){.queue_us.scale = &histogram_us,
                                .run_us.scale = &histogram_us,
                                .request_us.scale = &histogram_us,
                                .peak_bytes.scale = &histogram_bytes};
}

void metrics_count_request(struct metrics *metrics, enum metrics_target target, unsigned status,
                           int64_t total_us) {
    if (status >= METRICS_STATUSES)
        return;
    metrics->requests[target][status]++;
    if (target == METRICS_EXECUTE)
        histogram_observe(&metrics->request_us, total_us);
}

void metrics_count_run(struct metrics *metrics, const struct outcome *outcome) {
    metrics->runs[outcome->verdict]++;
    if (outcome->run_us <= 0) /* it never had a worker */
        return;
    histogram_observe(&metrics->queue_us, outcome->queue_us);
    histogram_observe(&metrics->run_us, outcome->run_us);
    if (outcome->peak_memory_bytes > 0)
        histogram_observe(&metrics->peak_bytes, (int64_t)outcome->peak_memory_bytes);
}

void metrics_count_cancelled(struct metrics *metrics) {
    metrics->cancelled++;
}

/* ---- writing ---- */

static void put(struct metrics_text *text, const char *name, const char *type, uint64_t value,
                const char *help) {
    metrics_text_family(text, name, type, help);
    metrics_text_count(text, name, NULL, value);
}

static void put_requests(struct metrics_text *text, const struct metrics *metrics) {
    static const char name[] = "code_runner_http_requests_total";
    char code[8];
    metrics_text_family(text, name, "counter",
                        "Finished requests by status; 499: nothing was answered, since the client "
                        "left or took too long.");
    for (unsigned target = 0; target < METRICS_TARGETS; target++)
        for (unsigned status = 0; status < METRICS_STATUSES; status++) {
            const struct metrics_label labels[] = {
                {"code", code}, {"target", targets[target]}, {0}};
            if (metrics->requests[target][status] == 0)
                continue;
            snprintf(code, sizeof(code), "%u", status);
            metrics_text_count(text, name, labels, metrics->requests[target][status]);
        }
}

static void put_runs(struct metrics_text *text, const struct metrics *metrics) {
    static const char name[] = "code_runner_runs_total";
    metrics_text_family(text, name, "counter",
                        "Requests for a run by outcome; overloaded: refused or ended for lack of a "
                        "slot, cancelled: the client left.");
    for (unsigned verdict = 0; verdict <= VERDICT_COUNT; verdict++) {
        bool is_verdict = verdict < VERDICT_COUNT;
        const struct metrics_label labels[] = {
            {"outcome", is_verdict ? verdict_word(verdict) : "cancelled"}, {0}};
        metrics_text_count(text, name, labels,
                           is_verdict ? metrics->runs[verdict] : metrics->cancelled);
    }
}

static void put_histograms(struct metrics_text *text, const struct metrics *metrics,
                           const struct pool_counts *pool) {
    metrics_text_histogram(text, "code_runner_queue_seconds",
                           "Time that scripts waited until they had a worker.", &metrics->queue_us);
    metrics_text_histogram(text, "code_runner_run_seconds",
                           "Time from the hand-over of a script to its end.", &metrics->run_us);
    metrics_text_histogram(text, "code_runner_request_seconds",
                           "Time from the request line to the end of the answer, of /execute.",
                           &metrics->request_us);
    metrics_text_histogram(text, "code_runner_worker_start_seconds",
                           "Time until a new worker waits for a script.", &pool->start_us);
    metrics_text_histogram(text, "code_runner_run_peak_memory_bytes",
                           "The most memory that a run used at once, where it is known.",
                           &metrics->peak_bytes);
}

static void put_load(struct metrics_text *text, const struct metrics_state *state) {
    static const char ratio[] = "code_runner_saturation_ratio";
    put(text, "code_runner_running", "gauge", state->running, "Scripts that run.");
    put(text, "code_runner_queued", "gauge", state->queued, "Requests that wait for a slot.");
    put(text, "code_runner_slots", "gauge", state->slots, "Scripts that may run at once.");
    put(text, "code_runner_pool_ready", "gauge", state->pool_ready,
        "Workers that wait ahead of requests.");
    metrics_text_family(text, ratio, "gauge",
                        "Running and queued by slots: 1 is full, more is a queue.");
    metrics_text_fraction(text, ratio,
                          (state->running + state->queued) * UINT64_C(1000000) /
                              (state->slots ? state->slots : 1),
                          1000000);
    put(text, "code_runner_connections", "gauge", state->connections, "Open connections.");
    put(text, "code_runner_connections_refused_total", "counter", state->refused_connections,
        "Connections beyond --connections-per-address.");
    put(text, "code_runner_connections_cut_total", "counter", state->cut_connections,
        "Connections closed because they were slow, or to make room for others.");
}

static void put_layers(struct metrics_text *text, uint32_t layers) {
    static const char name[] = "code_runner_layer_info";
    char word[LAYER_NAME_SIZE];
    metrics_text_family(text, name, "gauge", "Layers of the sandbox that hold.");
    for (unsigned layer = 0; layer < LAYER_COUNT; layer++) {
        const struct metrics_label labels[] = {{"layer", word}, {0}};
        if (!(layers & (UINT32_C(1) << layer)))
            continue;
        layer_name(layer, word, sizeof(word));
        metrics_text_count(text, name, labels, 1);
    }
}

static void put_service(struct metrics_text *text, const struct metrics_state *state) {
    static const char build[] = "code_runner_build_info";
    const struct metrics_label version[] = {{"version", VERSION}, {0}};
    put(text, "code_runner_zygote_restarts_total", "counter", state->pool->zygote_restarts,
        "Times that the process which makes workers was lost, or did not come up.");
    put(text, "code_runner_zygote_renewals_total", "counter", state->pool->zygote_renewals,
        "Times that it was replaced as planned.");
    put(text, "code_runner_log_lines_dropped_total", "counter", state->dropped_lines,
        "Log lines of the server that standard output did not take.");
    put_layers(text, state->layers);
    metrics_text_family(text, build, "gauge", "The version that runs.");
    metrics_text_count(text, build, version, 1);
}

static void put_process(struct metrics_text *text, const struct metrics_state *state) {
    static const char start[] = "process_start_time_seconds", cpu[] = "process_cpu_seconds_total";
    metrics_text_family(text, start, "gauge", "When the server process started, since 1970.");
    metrics_text_fraction(text, start, state->started_us, 1000000);
    metrics_text_family(text, cpu, "counter", "Processor time of the server process.");
    metrics_text_fraction(text, cpu, state->cpu_us, 1000000);
    if (state->has_resident)
        put(text, "process_resident_memory_bytes", "gauge", state->resident_bytes,
            "Resident memory of the server process.");
    if (state->has_descriptors)
        put(text, "process_open_fds", "gauge", state->descriptors,
            "Open descriptors of the server process.");
}

int metrics_write(const struct metrics *metrics, const struct metrics_state *state,
                  struct buf *buf) {
    struct metrics_text text = {.buf = buf};
    put_requests(&text, metrics);
    put_runs(&text, metrics);
    put_histograms(&text, metrics, state->pool);
    put_load(&text, state);
    put_service(&text, state);
    put_process(&text, state);
    return text.error;
}
