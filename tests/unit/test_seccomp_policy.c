/*
 * The system call policy, worked out: the filter's instructions are carried out here, for calls
 * that nobody makes. So it says what holds for every call of this processor, and for those of
 * others, also where no filter can be loaded. That the kernel does the same is in test_seccomp.c.
 */
#include <seccomp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "seccomp_machine.h"
#include "seccomp_rows.h"
#include "seccomp_table.h"

#define WORKER_PID 4242
#define NUMBERS 1024 /* more than any kernel has */

static uint32_t wanted(const struct row *row) {
    return row->expected == SAME ? ALLOWED : REFUSED(row->expected);
}

static void test_rows(void **state) {
    (void)state;
    unsigned wrong = 0;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct row *row = &rows[i];
        struct seccomp_data data = {.nr = (int)row->number, .arch = OWN_ARCH};
        for (int j = 0; j < 6; j++)
            data.args[j] =
                (uint64_t)(row->arguments[j] == OWN_PID ? WORKER_PID : row->arguments[j]);
        struct seccomp_program program = compiled(row->options);
        seccomp_program_set_pid(&program, WORKER_PID);
        uint32_t got = carry_out(&program, &data);
        seccomp_program_done(&program);
        if (got == wanted(row))
            continue;
        wrong++;
        print_error("%s(%lx, %lx) options %x: expected %x, got %x\n", row->label, row->arguments[0],
                    row->arguments[1], row->options, wanted(row), got);
    }
    assert_int_equal(wrong, 0);
}

static void test_umask(void **state) {
    (void)state;
    static const struct {
        unsigned options;
        uint64_t mask;
        uint32_t verdict;
    } masks[] = {{PLAIN, 0022, ALLOWED},   {PRIVATE, 0022, REFUSED(0)},
                 {PRIVATE, 0, REFUSED(0)}, {PRIVATE, 0067, REFUSED(0)},
                 {PRIVATE, 0077, ALLOWED}, {PRIVATE, 0177, ALLOWED}};
    for (size_t i = 0; i < sizeof(masks) / sizeof(masks[0]); i++) {
        struct seccomp_program program = compiled(masks[i].options);
        struct seccomp_data data = {.nr = SYS_umask, .arch = OWN_ARCH, .args = {masks[i].mask}};
        assert_int_equal(carry_out(&program, &data), masks[i].verdict);
        seccomp_program_done(&program);
    }
}

/* The 32-bit calls of the same processor, the other byte order, other processors: none has the
 * numbers of the table. */
static void test_other_processors_are_refused(void **state) {
    (void)state;
    static const uint32_t others[] = {AUDIT_ARCH_I386,
                                      AUDIT_ARCH_ARM,
                                      AUDIT_ARCH_ARMEB,
                                      AUDIT_ARCH_S390X,
                                      AUDIT_ARCH_RISCV64,
                                      AUDIT_ARCH_X86_64 & ~(uint32_t)__AUDIT_ARCH_64BIT,
                                      AUDIT_ARCH_X86_64,
                                      AUDIT_ARCH_AARCH64,
                                      AUDIT_ARCH_AARCH64 & ~(uint32_t)__AUDIT_ARCH_LE,
                                      0,
                                      ~0u};
    struct seccomp_program program = compiled(PLAIN);
    unsigned own = 0;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (others[i] == OWN_ARCH) {
            own++;
            continue;
        }
        for (int number = -1; number < NUMBERS; number++)
            assert_int_equal(verdict(&program, others[i], number), REFUSED(EPERM));
    }
    assert_int_equal(own, 1);
    assert_int_equal(verdict(&program, OWN_ARCH, SYS_getpid), ALLOWED);
    seccomp_program_done(&program);
}

/* No call has such a number, but x32's, which have those of x86-64 and this bit. */
static void test_high_numbers_are_refused(void **state) {
    (void)state;
    struct seccomp_program program = compiled(UNIX | MEMFD);
    for (int number = 0; number < NUMBERS; number++) {
#ifdef __x86_64__
        assert_int_equal(verdict(&program, OWN_ARCH, number | 0x40000000), REFUSED(EPERM));
#else
        assert_int_equal(verdict(&program, OWN_ARCH, number | 0x40000000), REFUSED(ENOSYS));
#endif
        assert_int_not_equal(verdict(&program, OWN_ARCH, -1 - number), ALLOWED);
    }
    seccomp_program_done(&program);
}

static bool names(const struct seccomp_row *row, const char *name) {
    size_t length = strlen(name);
    for (const char *at = row->names; (at = strstr(at, name)); at += length)
        if ((at == row->names || at[-1] == ' ') && (at[length] == ' ' || !at[length]))
            return true;
    return false;
}

/* Of a step, for a worker with a uid of its own; if arguments are 0, without rows that want others.
 */
static const struct seccomp_row *find(const char *name, enum seccomp_step step, bool zeroes) {
    for (size_t i = 0; name && i < seccomp_table_size; i++) {
        const struct seccomp_row *row = &seccomp_table[i];
        bool in_force = row->when == WHEN_ALWAYS || row->when == UNLESS_SHARED_UID;
        if (in_force && row->step == step && names(row, name) &&
            !(zeroes && row->match[0].test != TEST_NONE))
            return row;
    }
    return NULL;
}

/* Every number there is, with arguments that are 0: the table's word for it, or ENOSYS. */
static void test_every_number(void **state) {
    (void)state;
    struct seccomp_program program = compiled(PLAIN);
    unsigned count[STEP_COUNT] = {0};
    for (int number = 0; number < NUMBERS; number++) {
        char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);
        const struct seccomp_row *row = NULL;
        for (enum seccomp_step step = 0; step < STEP_COUNT && !row; step++)
            row = find(name, step, true);
        uint32_t expected = !row                      ? REFUSED(ENOSYS)
                            : row->step == STEP_ALLOW ? ALLOWED
                                                      : REFUSED(row->error);
        if (verdict(&program, OWN_ARCH, number) != expected)
            fail_msg("%d (%s): %x instead of %x", number, name, verdict(&program, OWN_ARCH, number),
                     expected);
        if (row)
            count[row->step]++;
        free(name);
    }
    assert_int_equal(count[STEP_FORBID], 2); /* sync, syncfs */
    assert_in_range(count[STEP_ALLOW], 150, 300);
    assert_in_range(count[STEP_OTHERWISE], 60, 150);
    seccomp_program_done(&program);
}

/* The table is one for all machines: what this one lacks does no harm. */
static void test_names_that_this_machine_lacks(void **state) {
    (void)state;
    static const char *const of_others[] = {
#if defined(__aarch64__)
        "open",
        "stat",
        "lstat",
        "access",
        "creat",
        "fork",
        "vfork",
        "poll",
        "select",
        "epoll_wait",
        "pipe",
        "dup2",
        "time",
        "alarm",
        "pause",
        "mkdir",
        "rmdir",
        "unlink",
        "rename",
        "link",
        "symlink",
        "readlink",
        "mknod",
        "chmod",
        "chown",
        "utime",
        "getdents",
        "signalfd",
        "eventfd",
        "arch_prctl",
        "iopl",
        "ioperm",
        "modify_ldt",
#else
        "stime",
        "umount",
#endif
    };
    struct seccomp_program program = compiled(PLAIN);
    for (size_t i = 0; i < sizeof(of_others) / sizeof(of_others[0]); i++) {
        const char *name = of_others[i];
        assert_true(find(name, STEP_ALLOW, false) || find(name, STEP_OTHERWISE, false));
        int number = seccomp_syscall_resolve_name_arch(SCMP_ARCH_NATIVE, name);
        assert_true(number < 0);
        assert_int_not_equal(verdict(&program, OWN_ARCH, number), ALLOWED);
    }
    seccomp_program_done(&program);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_umask),
        cmocka_unit_test(test_other_processors_are_refused),
        cmocka_unit_test(test_high_numbers_are_refused),
        cmocka_unit_test(test_every_number),
        cmocka_unit_test(test_names_that_this_machine_lacks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
