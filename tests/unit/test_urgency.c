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
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "checked_child.h"
#include "urgency.h"

struct record {
    const char *failed;
    int line;
};

/* Runs body in a child, since nobody can come back from being nice. */
static void in_child(void (*body)(struct record *, int), int value) {
    struct record *record =
        mmap(NULL, sizeof(*record), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(record, MAP_FAILED);
    pid_t pid = fork_child();
    if (pid == 0) {
        body(record, value);
        _exit(0);
    }
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (record->failed)
        fail_msg("line %d: %s", record->line, record->failed);
    assert_int_equal(status, 0);
    munmap(record, sizeof(*record));
}

static struct sched_attr look(struct record *record) {
    struct sched_attr now = {0};
    CHECK(syscall(SYS_sched_getattr, 0, &now, sizeof(now), 0) == 0);
    return now;
}

/* Since Linux 6.12. */
static bool kernel_has_slices(void) {
    struct utsname name;
    int major = 0, minor = 0;
    return uname(&name) == 0 && sscanf(name.release, "%d.%d", &major, &minor) == 2 &&
           (major > 6 || (major == 6 && minor >= 12));
}

static void check_is(struct record *record, uint32_t policy, uint64_t slice_ns, int nice) {
    const struct sched_attr now = look(record);
    CHECK(now.sched_policy == policy);
    CHECK(now.sched_nice == nice);
    CHECK(!kernel_has_slices() || now.sched_runtime == slice_ns);
}

static void try_all(struct record *record, int nice) {
    CHECK(setpriority(PRIO_PROCESS, 0, nice) == 0);
    const uint64_t usual_ns = look(record).sched_runtime;
    CHECK(urgency_raise() == 0);
    check_is(record, SCHED_NORMAL, 100000, nice);
    CHECK(urgency_lower() == 0);
    check_is(record, SCHED_BATCH, usual_ns, nice);
    CHECK(urgency_wait() == 0);
    check_is(record, SCHED_BATCH, 20000000, nice);
    pid_t pid = fork();
    if (pid == 0) {
        check_is(record, SCHED_BATCH, 20000000, nice);
        CHECK(urgency_reset() == 0);
        check_is(record, SCHED_NORMAL, usual_ns, nice);
        _exit(0);
    }
    int status = -1;
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    check_is(record, SCHED_BATCH, 20000000, nice);
}

static void test_order_and_back(void **state) {
    (void)state;
    in_child(try_all, getpriority(PRIO_PROCESS, 0));
}

/* Who is nice stays so: without rights it could not be undone, and with them it would be a gift. */
static void test_being_nice_stays(void **state) {
    (void)state;
    in_child(try_all, getpriority(PRIO_PROCESS, 0) + 3);
}

static void try_chosen(struct record *record, int policy) {
    const int none = 0; /* the only field of its struct is a priority */
    CHECK(syscall(SYS_sched_setscheduler, 0, policy, &none) == 0);
    const uint64_t usual_ns = look(record).sched_runtime;
    CHECK(urgency_raise() == -EBUSY);
    CHECK(urgency_lower() == -EBUSY);
    check_is(record, (uint32_t)policy, usual_ns, getpriority(PRIO_PROCESS, 0));
}

/* As with chrt --idle or --batch, by whoever started the service. */
static void test_a_policy_that_was_chosen_stays(void **state) {
    (void)state;
    in_child(try_chosen, SCHED_IDLE);
    in_child(try_chosen, SCHED_BATCH);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_order_and_back),
                                       cmocka_unit_test(test_being_nice_stays),
                                       cmocka_unit_test(test_a_policy_that_was_chosen_stays)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
