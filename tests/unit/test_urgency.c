/* urgency: what the kernel says of a process that was told, and of one that it forked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <linux/sched.h>
#include <linux/sched/types.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "urgency.h"

static struct sched_attr look(void) {
    struct sched_attr now = {0};
    assert_return_code(syscall(SYS_sched_getattr, 0, &now, sizeof(now), 0), 0);
    return now;
}

/* Since Linux 6.12. */
static bool kernel_has_slices(void) {
    struct utsname name;
    int major = 0, minor = 0;
    uname(&name);
    assert_int_equal(sscanf(name.release, "%d.%d", &major, &minor), 2);
    return major > 6 || (major == 6 && minor >= 12);
}

static void assert_is(uint32_t policy, uint64_t slice_ns, int nice) {
    const struct sched_attr now = look();
    assert_int_equal(now.sched_policy, policy);
    assert_int_equal(now.sched_nice, nice);
    if (kernel_has_slices())
        assert_int_equal(now.sched_runtime, slice_ns);
}

/* In a fork, since nobody can come back from being nice. */
static void assert_all(int nice) {
    assert_return_code(setpriority(PRIO_PROCESS, 0, nice), 0);
    const uint64_t usual_ns = look().sched_runtime;
    assert_is(SCHED_NORMAL, usual_ns, nice);
    assert_int_equal(urgency_raise(), 0);
    assert_is(SCHED_NORMAL, 100000, nice);
    assert_int_equal(urgency_lower(), 0);
    assert_is(SCHED_BATCH, usual_ns, nice);
    assert_int_equal(urgency_wait(), 0);
    assert_is(SCHED_BATCH, 20000000, nice);
    pid_t pid = fork();
    if (pid == 0) {
        assert_is(SCHED_BATCH, 20000000, nice);
        assert_int_equal(urgency_reset(), 0);
        assert_is(SCHED_NORMAL, usual_ns, nice);
        _exit(0);
    }
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_is(SCHED_BATCH, 20000000, nice);
}

static void assert_all_in_fork(int nice) {
    pid_t pid = fork();
    if (pid == 0) {
        assert_all(nice);
        _exit(0);
    }
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void test_order_and_back(void **state) {
    (void)state;
    assert_all_in_fork(getpriority(PRIO_PROCESS, 0));
}

/* Who is nice stays so: without rights it could not be undone, and with them it would be a gift. */
static void test_being_nice_stays(void **state) {
    (void)state;
    assert_all_in_fork(getpriority(PRIO_PROCESS, 0) + 3);
}

/* As with chrt --idle or --batch, by whoever started the service. */
static void test_a_policy_that_was_chosen_stays(void **state) {
    (void)state;
    static const int policies[] = {SCHED_IDLE, SCHED_BATCH};
    for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
        pid_t pid = fork();
        if (pid == 0) {
            const int none = 0; /* its only field is a priority */
            assert_return_code(syscall(SYS_sched_setscheduler, 0, policies[i], &none), 0);
            const uint64_t usual_ns = look().sched_runtime;
            assert_int_equal(urgency_raise(), -EBUSY);
            assert_int_equal(urgency_lower(), -EBUSY);
            assert_is((uint32_t)policies[i], usual_ns, getpriority(PRIO_PROCESS, 0));
            _exit(0);
        }
        int status = -1;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_order_and_back),
                                       cmocka_unit_test(test_being_nice_stays),
                                       cmocka_unit_test(test_a_policy_that_was_chosen_stays)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
