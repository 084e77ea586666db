/* metrics, histogram, metrics_text: what is counted where, and the text for Prometheus. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "metrics.h"
#include "metrics_text.h"
#include "pool.h"

static void test_a_value_on_a_bound_is_in_its_bucket(void **state) {
    (void)state;
    struct histogram histogram = {.scale = &histogram_us};
    const int64_t values[] = {INT64_MIN, -1, 0, 1000, 1001, 30000000, 30000001, 60000001};
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
        histogram_observe(&histogram, values[i]);
    assert_int_equal(histogram.buckets[0], 4);
    assert_int_equal(histogram.buckets[1], 1);
    assert_int_equal(histogram.buckets[14], 1);
    assert_int_equal(histogram.buckets[15], 1);
    assert_int_equal(histogram.buckets[16], 1);
    assert_int_equal(histogram_count(&histogram), 8);
    assert_int_equal(histogram.sum, 1000 + 1001 + 30000000 + 30000001 + 60000001);
}

static void test_scales_ascend_and_fit(void **state) {
    (void)state;
    const struct histogram_scale *const scales[] = {&histogram_us, &histogram_bytes};
    for (size_t i = 0; i < 2; i++) {
        assert_in_range(scales[i]->count, 1, HISTOGRAM_BOUNDS_MOST);
        for (unsigned bound = 1; bound < scales[i]->count; bound++)
            assert_true(scales[i]->bounds[bound - 1] < scales[i]->bounds[bound]);
    }
}

static void test_text(void **state) {
    (void)state;
    static const struct histogram_scale scale = {
        .divisor = 1000, .count = 3, .bounds = {1, 1500, 20000}};
    struct histogram histogram = {.scale = &scale};
    struct buf buf;
    buf_init(&buf, 4096);
    struct metrics_text text = {.buf = &buf};
    const struct metrics_label labels[] = {{"a", "plain"}, {"b", "\"\\\n"}, {0}};
    metrics_text_family(&text, "x_total", "counter", "What it is.");
    metrics_text_count(&text, "x_total", labels, UINT64_MAX);
    metrics_text_fraction(&text, "y", 1500000, 1000000);
    metrics_text_fraction(&text, "y", 100, 1);
    metrics_text_fraction(&text, "y", 1, 1000000);
    metrics_text_fraction(&text, "y", 0, 1000000);
    histogram_observe(&histogram, 1);
    histogram_observe(&histogram, 1501);
    histogram_observe(&histogram, 90000);
    metrics_text_histogram(&text, "h", "Help.", &histogram);
    assert_int_equal(text.error, 0);
    assert_string_equal(buf.data, "# HELP x_total What it is.\n"
                                  "# TYPE x_total counter\n"
                                  "x_total{a=\"plain\",b=\"\\\"\\\\\\n\"} 18446744073709551615\n"
                                  "y 1.5\n"
                                  "y 100\n"
                                  "y 0.000001\n"
                                  "y 0\n"
                                  "# HELP h Help.\n"
                                  "# TYPE h histogram\n"
                                  "h_bucket{le=\"0.001\"} 1\n"
                                  "h_bucket{le=\"1.5\"} 1\n"
                                  "h_bucket{le=\"20\"} 2\n"
                                  "h_bucket{le=\"+Inf\"} 3\n"
                                  "h_count 3\n"
                                  "h_sum 91.502\n");
    buf_done(&buf);
}

static void run_as(struct metrics *metrics, enum verdict verdict, int64_t run_us, uint64_t peak) {
    struct outcome outcome;
    outcome_init(&outcome, 0, 0);
    outcome.verdict = verdict;
    outcome.queue_us = 500;
    outcome.run_us = run_us;
    outcome.peak_memory_bytes = peak;
    metrics_count_run(metrics, &outcome);
    outcome_done(&outcome);
}

static void has(const struct buf *buf, const char *line) {
    if (!strstr(buf->data, line))
        print_error("no '%s' in\n%s", line, buf->data);
    assert_non_null(strstr(buf->data, line));
}

static void test_all_metrics(void **state) {
    (void)state;
    static struct metrics metrics;
    struct buf buf;
    struct pool_counts pool = {
        .start_us.scale = &histogram_us, .zygote_restarts = 2, .zygote_renewals = 3};
    const struct metrics_state now = {.running = 3,
                                      .queued = 2,
                                      .slots = 4,
                                      .pool_ready = 1,
                                      .connections = 9,
                                      .pool = &pool,
                                      .layers = 1u << LAYER_SECCOMP,
                                      .dropped_lines = 7,
                                      .refused_connections = 4,
                                      .cut_connections = 5,
                                      .started_us = 1700000000250000,
                                      .cpu_us = 1500000,
                                      .has_resident = true,
                                      .resident_bytes = 4096};
    metrics_init(&metrics);
    metrics_count_request(&metrics, METRICS_EXECUTE, 200, 2000);
    metrics_count_request(&metrics, METRICS_EXECUTE, 499, 2000);
    metrics_count_request(&metrics, METRICS_HEALTH, 200, 2000);
    metrics_count_request(&metrics, METRICS_OTHER, METRICS_STATUSES, 2000);
    run_as(&metrics, VERDICT_SUCCESS, 1000, 1 << 20);
    run_as(&metrics, VERDICT_TIMEOUT, 30000000, 0);
    run_as(&metrics, VERDICT_OVERLOADED, 0, 0);
    metrics_count_cancelled(&metrics);
    histogram_observe(&pool.start_us, 4000);
    buf_init(&buf, 1 << 20);
    assert_int_equal(metrics_write(&metrics, &now, &buf), 0);
    static const char *const lines[] = {
        "\ncode_runner_http_requests_total{code=\"200\",target=\"execute\"} 1\n",
        "\ncode_runner_http_requests_total{code=\"499\",target=\"execute\"} 1\n",
        "\ncode_runner_http_requests_total{code=\"200\",target=\"health\"} 1\n",
        "\ncode_runner_request_seconds_count 2\n",
        "\ncode_runner_runs_total{outcome=\"success\"} 1\n",
        "\ncode_runner_runs_total{outcome=\"timeout\"} 1\n",
        "\ncode_runner_runs_total{outcome=\"overloaded\"} 1\n",
        "\ncode_runner_runs_total{outcome=\"cancelled\"} 1\n",
        "\ncode_runner_runs_total{outcome=\"exception\"} 0\n",
        "\ncode_runner_run_seconds_count 2\ncode_runner_run_seconds_sum 30.001\n",
        "\ncode_runner_queue_seconds_sum 0.001\n",
        "\ncode_runner_run_peak_memory_bytes_count 1\n",
        "\ncode_runner_worker_start_seconds_bucket{le=\"0.005\"} 1\n",
        "\ncode_runner_running 3\n",
        "\ncode_runner_queued 2\n",
        "\ncode_runner_slots 4\n",
        "\ncode_runner_pool_ready 1\n",
        "\ncode_runner_saturation_ratio 1.25\n",
        "\ncode_runner_connections 9\n",
        "\ncode_runner_connections_refused_total 4\n",
        "\ncode_runner_connections_cut_total 5\n",
        "\ncode_runner_zygote_restarts_total 2\n",
        "\ncode_runner_zygote_renewals_total 3\n",
        "\ncode_runner_log_lines_dropped_total 7\n",
        "\ncode_runner_layer_info{layer=\"seccomp\"} 1\n",
        "\nprocess_start_time_seconds 1700000000.25\n",
        "\nprocess_cpu_seconds_total 1.5\n",
        "\nprocess_resident_memory_bytes 4096\n",
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        has(&buf, lines[i]);
    assert_null(strstr(buf.data, "layer=\"cgroup\""));
    assert_null(strstr(buf.data, "process_open_fds"));
    assert_null(strstr(buf.data, "code=\"600\""));
    buf_done(&buf);
}

static void test_what_does_not_fit_is_an_error(void **state) {
    (void)state;
    static struct metrics metrics;
    const struct pool_counts pool = {.start_us.scale = &histogram_us};
    const struct metrics_state now = {.pool = &pool};
    struct buf buf;
    metrics_init(&metrics);
    buf_init(&buf, 2000);
    assert_int_equal(metrics_write(&metrics, &now, &buf), -EFBIG);
    buf_done(&buf);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_value_on_a_bound_is_in_its_bucket),
        cmocka_unit_test(test_scales_ascend_and_fit),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_all_metrics),
        cmocka_unit_test(test_what_does_not_fit_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
