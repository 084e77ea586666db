/* raw_syscall, raw_mmap: results and errors as the kernel gives them, errno left alone; what a
 * clone and a switch of stacks begin with. Written in assembly for each processor. */
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "raw_mmap.h"
#include "raw_syscall.h"

#define STACK_BYTES 65536

static _Alignas(16) char stack[STACK_BYTES];

static void test_results_and_errors(void **state) {
    (void)state;
    char byte = 0;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    errno = ELOOP;
    assert_int_equal(raw_syscall(SYS_getpid, 0, 0, 0, 0), getpid());
    assert_int_equal(raw_syscall(SYS_write, ends[1], (long)"x", 1, 0), 1);
    assert_int_equal(raw_syscall(SYS_read, ends[0], (long)&byte, 1, 0), 1);
    assert_int_equal(byte, 'x');
    assert_int_equal(raw_syscall(SYS_close, -1, 0, 0, 0), -EBADF);
    assert_int_equal(errno, ELOOP);
    close(ends[0]);
    close(ends[1]);
}

/* The offset is the fourth argument. */
static void test_fourth_argument(void **state) {
    (void)state;
    FILE *file = tmpfile();
    char read_back[4] = "";
    assert_int_equal(raw_syscall(SYS_pwrite64, fileno(file), (long)"abc", 3, 70000), 3);
    assert_int_equal(raw_syscall(SYS_pread64, fileno(file), (long)read_back, 2, 70001), 2);
    assert_string_equal(read_back, "bc");
    fclose(file);
}

static void test_mmap(void **state) {
    (void)state;
    const unsigned long page = (unsigned long)getpagesize();
    FILE *file = tmpfile();
    assert_int_equal(pwrite(fileno(file), "here", 4, (off_t)(2 * page)), 4);
    char *memory = mmap(NULL, 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    unsigned long second = (unsigned long)memory + page;
    errno = ELOOP;
    assert_int_equal(
        raw_mmap(second, page, PROT_READ, MAP_PRIVATE | MAP_FIXED, fileno(file), 2 * page), second);
    assert_string_equal(memory + page, "here");
    assert_int_equal(raw_mmap(0, page, PROT_READ, MAP_PRIVATE, -1, 0), -EBADF);
    assert_int_equal(raw_mmap(0, page, PROT_READ, MAP_PRIVATE, fileno(file), 1), -EINVAL);
    assert_int_equal(errno, ELOOP);
    munmap(memory, 2 * page);
    fclose(file);
}

/* What an entry is given; the child's copy or, if it shares the memory, the test's own. */
struct begin {
    int number;
    bool changed;
};

static bool is_on_stack(const void *address) {
    return (const char *)address >= stack && (const char *)address < stack + STACK_BYTES;
}

/* Leaves with the number if it stands on the stack that was given, as the ABI wants it: the
 * compiler relies on that for every local variable of this alignment. */
static void leave_with_number(void *argument) {
    _Alignas(16) volatile char local[16] = {0};
    struct begin *begin = argument;
    bool is_right = is_on_stack((const void *)local) && (uintptr_t)local % 16 == 0;
    begin->changed = true;
    for (;;)
        raw_syscall(SYS_exit_group, is_right ? begin->number : 1, 0, 0, 0);
}

static int status_of(long pid) {
    int status = -1;
    assert_true(pid > 0);
    assert_int_equal(waitpid((pid_t)pid, &status, __WALL), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void test_clone_enters_on_its_stack(void **state) {
    (void)state;
    struct begin begin = {.number = 42};
    errno = ELOOP;
    long pid = raw_clone(SIGCHLD, stack + STACK_BYTES, NULL, leave_with_number, &begin);
    assert_int_equal(errno, ELOOP);
    assert_int_equal(status_of(pid), 42);
    assert_false(begin.changed);
}

/* As the init is started. */
static void test_clone_shares_memory(void **state) {
    (void)state;
    struct begin begin = {.number = 43};
    long pid = raw_clone(CLONE_VM | SIGCHLD, stack + STACK_BYTES, NULL, leave_with_number, &begin);
    assert_int_equal(status_of(pid), 43);
    assert_true(begin.changed);
}

/* arm64 wants the thread area before the address of the id, x86-64 after it. */
static void test_clone_writes_the_id(void **state) {
    (void)state;
    int *tid = mmap(NULL, sizeof(*tid), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct begin begin = {.number = 44};
    long pid = raw_clone(CLONE_CHILD_SETTID | SIGCHLD, stack + STACK_BYTES, tid, leave_with_number,
                         &begin);
    assert_int_equal(status_of(pid), 44);
    assert_int_equal(*tid, pid);
    munmap(tid, sizeof(*tid));
}

static void test_clone_says_why_not(void **state) {
    (void)state;
    struct begin begin = {0};
    /* A thread must share its signal handlers. */
    assert_int_equal(raw_clone(CLONE_THREAD, stack + STACK_BYTES, NULL, leave_with_number, &begin),
                     -EINVAL);
}

static void test_switch_of_stacks(void **state) {
    (void)state;
    struct begin begin = {.number = 45};
    pid_t pid = fork();
    if (pid == 0)
        raw_switch_stack(stack + STACK_BYTES, leave_with_number, &begin);
    assert_int_equal(status_of(pid), 45);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_results_and_errors),
        cmocka_unit_test(test_fourth_argument),
        cmocka_unit_test(test_mmap),
        cmocka_unit_test(test_clone_enters_on_its_stack),
        cmocka_unit_test(test_clone_shares_memory),
        cmocka_unit_test(test_clone_writes_the_id),
        cmocka_unit_test(test_clone_says_why_not),
        cmocka_unit_test(test_switch_of_stacks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
