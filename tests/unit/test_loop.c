/* loop: timers fire in order and not early; events may be removed anywhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cmocka.h>

#include "loop.h"

#define TIMERS 200

static struct {
    struct loop *loop;
    struct loop_timer timers[TIMERS];
    struct loop_file files[2];
    int pipes[2][2];
    unsigned fired, delivered;
    int64_t last_due_us;
} t;

static int set_up(void **state) {
    (void)state;
    memset(&t, 0, sizeof(t));
    return loop_new(&t.loop);
}

static int tear_down(void **state) {
    (void)state;
    loop_free(t.loop);
    return 0;
}

static void stop(void *context) {
    loop_stop(context);
}

static void in_order(void *context) {
    struct loop_timer *timer = context;
    assert_false(timer->running);
    assert_true(timer->due_us >= t.last_due_us);
    assert_true(loop_now_us() >= timer->due_us);
    t.last_due_us = timer->due_us;
    t.fired++;
}

static void test_timers_fire_in_order(void **state) {
    struct loop_timer end = {0};
    (void)state;
    srand(1);
    for (int i = 0; i < TIMERS; i++)
        loop_timer_start(t.loop, &t.timers[i], rand() % 20000, in_order, &t.timers[i]);
    /* A third is stopped, a third is moved. */
    for (int i = 0; i < TIMERS; i += 3)
        loop_timer_stop(t.loop, &t.timers[i]);
    for (int i = 1; i < TIMERS; i += 3)
        loop_timer_start(t.loop, &t.timers[i], rand() % 20000, in_order, &t.timers[i]);
    loop_timer_start(t.loop, &end, 40000, stop, t.loop);
    assert_int_equal(loop_run(t.loop), 0);
    assert_int_equal(t.fired, TIMERS - (TIMERS + 2) / 3);
}

static void stops_the_next(void *context) {
    t.fired++;
    loop_timer_stop(t.loop, context);
}

static void test_timer_stopped_by_one_before(void **state) {
    struct loop_timer end = {0};
    (void)state;
    loop_timer_start(t.loop, &t.timers[0], 0, stops_the_next, &t.timers[1]);
    loop_timer_start(t.loop, &t.timers[1], 0, stops_the_next, &t.timers[0]);
    loop_timer_start(t.loop, &end, 2000, stop, t.loop);
    loop_run(t.loop);
    assert_int_equal(t.fired, 1);
}

static void again(void *context) {
    t.fired++;
    loop_timer_start(t.loop, context, 0, again, context);
}

static void on_file(void *context, uint32_t events) {
    assert_true(events & EPOLLIN);
    t.delivered++;
    loop_stop(context);
}

static void open_pipes(void) {
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pipe(t.pipes[i]), 0);
        assert_int_equal(write(t.pipes[i][1], "x", 1), 1);
    }
}

static void test_timers_do_not_starve_files(void **state) {
    (void)state;
    open_pipes();
    loop_timer_start(t.loop, &t.timers[0], 0, again, &t.timers[0]);
    loop_file_add(t.loop, &t.files[0], t.pipes[0][0], EPOLLIN, on_file, t.loop);
    loop_run(t.loop);
    assert_int_equal(t.delivered, 1);
    loop_file_close(t.loop, &t.files[0]);
    loop_timer_stop(t.loop, &t.timers[0]);
    close(t.pipes[0][1]);
    close(t.pipes[1][0]);
    close(t.pipes[1][1]);
}

/* Both are ready in one batch: the first that comes closes both. */
static void closes_both(void *context, uint32_t events) {
    (void)context;
    (void)events;
    t.delivered++;
    loop_file_close(t.loop, &t.files[0]);
    loop_file_close(t.loop, &t.files[1]);
}

static void test_removed_file_is_not_delivered(void **state) {
    struct loop_timer end = {0};
    (void)state;
    open_pipes();
    for (int i = 0; i < 2; i++)
        loop_file_add(t.loop, &t.files[i], t.pipes[i][0], EPOLLIN, closes_both, NULL);
    loop_timer_start(t.loop, &end, 2000, stop, t.loop);
    loop_run(t.loop);
    assert_int_equal(t.delivered, 1);
    assert_int_equal(close(t.pipes[0][0]), -1);
    close(t.pipes[0][1]);
    close(t.pipes[1][1]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_timers_fire_in_order),
        TEST(test_timer_stopped_by_one_before),
        TEST(test_timers_do_not_starve_files),
        TEST(test_removed_file_is_not_delivered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
