/* zygotes: no two at once on one range of uids, and who is killed when. What is started here is
 * true(1), which is a zygote as long as nobody says that it has ended. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "zygotes.h"

static struct {
    struct config config;
    struct zygotes zygotes;
    int control[2];
} t;

static int set_up(void **state) {
    (void)state;
    memset(&t, 0, sizeof(t));
    config_init(&t.config);
    t.zygotes =
        (struct zygotes){.program = "/bin/true", .config = &t.config, .newest.role = ROLE_ZYGOTE};
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, t.control);
}

static int tear_down(void **state) {
    (void)state;
    while (waitpid(-1, NULL, 0) > 0)
        ;
    close(t.control[0]);
    close(t.control[1]);
    return 0;
}

static uint64_t start(void) {
    assert_int_equal(zygotes_start(&t.zygotes, t.control[0]), 0);
    assert_int_not_equal(t.zygotes.newest.pid, 0);
    return t.config.generation;
}

/* Whatever happens to those that come after it. */
static void test_the_range_of_one_that_is_still_there_is_left_out(void **state) {
    (void)state;
    uint64_t first = start(), second;
    assert_int_equal(first, 1);
    assert_true(zygotes_replace(&t.zygotes));
    for (int i = 0; i < 3 * CONFIG_UID_RANGES; i++) {
        second = start();
        assert_int_not_equal(second % CONFIG_UID_RANGES, first % CONFIG_UID_RANGES);
        assert_int_equal(zygotes_ended(&t.zygotes, t.zygotes.newest.pid), 1);
    }
    assert_int_equal(zygotes_ended(&t.zygotes, t.zygotes.replaced[0].pid), 0);
    for (int i = 0; i < CONFIG_UID_RANGES; i++) {
        second = start();
        assert_int_equal(zygotes_ended(&t.zygotes, t.zygotes.newest.pid), 1);
        if (second % CONFIG_UID_RANGES == first % CONFIG_UID_RANGES)
            return; /* it is free again */
    }
    fail();
}

static void test_as_many_as_there_are_ranges(void **state) {
    (void)state;
    assert_false(zygotes_replace(&t.zygotes)); /* there is none */
    for (int i = 1; i < CONFIG_UID_RANGES; i++) {
        start();
        assert_true(zygotes_replace(&t.zygotes));
    }
    start();
    assert_false(zygotes_replace(&t.zygotes));
    assert_int_not_equal(t.zygotes.newest.pid, 0);
    assert_int_equal(zygotes_ended(&t.zygotes, t.zygotes.replaced[1].pid), 0);
    assert_true(zygotes_replace(&t.zygotes));
    start();
    assert_int_equal(zygotes_ended(&t.zygotes, getpid()), -ESRCH);
}

/* The one that is replaced has runs; those before have none. */
static void test_who_was_replaced_before_has_to_leave(void **state) {
    (void)state;
    start();
    assert_true(zygotes_replace(&t.zygotes));
    start();
    assert_int_equal(zygotes_kill_due(&t.zygotes), INT64_MAX);
    int64_t now = child_now_ms();
    assert_true(zygotes_replace(&t.zygotes));
    assert_int_equal(t.zygotes.replaced[1].end_by_ms, 0);
    assert_in_range(zygotes_kill_due(&t.zygotes), now + 1, now + 2 * ZYGOTES_LEAVING_MS);
    zygotes_end_by(&t.zygotes, child_now_ms());
    assert_int_equal(zygotes_kill_due(&t.zygotes), INT64_MAX); /* all have been killed */
    assert_true(zygotes_any(&t.zygotes));
    assert_int_equal(zygotes_ended(&t.zygotes, t.zygotes.replaced[0].pid), 0);
    assert_int_equal(zygotes_ended(&t.zygotes, t.zygotes.replaced[1].pid), 0);
    assert_false(zygotes_any(&t.zygotes));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_the_range_of_one_that_is_still_there_is_left_out),
        TEST(test_as_many_as_there_are_ranges),
        TEST(test_who_was_replaced_before_has_to_leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
