/* slot: the memory that all slots have together, and that an init which leaves its stack is seen.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "slot.h"

enum { COUNT = 5 };

static char *lowest(const struct slot *slot) {
    return (char *)slot->init_stack_top - INIT_STACK_BYTES;
}

static void test_each_has_a_stack(void **state) {
    struct slot *slots;
    (void)state;
    assert_int_equal(slots_reserve(COUNT, &slots), 0);
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal((uintptr_t)slots[i].init_stack_top % 16, 0);
        assert_true(i == 0 || lowest(&slots[i]) >= (char *)slots[i - 1].init_stack_top);
        assert_int_equal(slots[i].init, 0);
        /* All of it but its end, which is a word. */
        memset(lowest(&slots[i]) + 16, 0xff, INIT_STACK_BYTES - 16);
    }
    for (int i = 0; i < COUNT; i++)
        assert_true(slot_stack_is_whole(&slots[i]) && slots[i].init == 0);
}

static void test_who_goes_further_is_seen(void **state) {
    struct slot *slots;
    (void)state;
    assert_int_equal(slots_reserve(COUNT, &slots), 0);
    memset(lowest(&slots[3]), 0, 8);
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(slot_stack_is_whole(&slots[i]), i != 3);
}

static void test_below_the_lowest_is_nothing(void **state) {
    struct slot *slots;
    int status;
    (void)state;
    assert_int_equal(slots_reserve(COUNT, &slots), 0);
    pid_t child = fork();
    if (child == 0) {
        signal(SIGSEGV, SIG_DFL); /* not cmocka's */
        *(volatile char *)(lowest(&slots[0]) - 1) = 1;
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_false(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_has_a_stack),
        cmocka_unit_test(test_who_goes_further_is_seen),
        cmocka_unit_test(test_below_the_lowest_is_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
