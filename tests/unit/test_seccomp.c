/*
 * The system call policy, tried: each case makes one call with harmless arguments, in a process of
 * its own, once without the filter and once with it, whole and in the two parts that a worker has.
 * Refused calls must show the policy's errno and
 * another one without the filter; allowed calls must come to the same with and without.
 */
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "seccomp_rows.h"

struct result {
    long value;
    int error;
};

/* The policy as one program, or as a worker has it. */
struct policy {
    struct seccomp_program first, second;
};

static struct policy whole(unsigned bits) {
    return (struct policy){.first = compiled(bits)};
}

static struct policy in_parts(unsigned bits) {
    const struct seccomp_options options = options_of(bits);
    struct policy policy;
    assert_int_equal(seccomp_compile_zygote(&options, &policy.first), 0);
    assert_int_equal(seccomp_compile_worker(&options, &policy.second), 0);
    return policy;
}

static void policy_done(struct policy *policy) {
    seccomp_program_done(&policy->first);
    seccomp_program_done(&policy->second);
}

static int load(struct policy *policy) {
    struct seccomp_program *last = policy->second.length ? &policy->second : &policy->first;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        return -errno;
    if (last != &policy->first) {
        int r = seccomp_program_load(&policy->first);
        if (r)
            return r;
    }
    seccomp_program_set_pid(last, getpid());
    return seccomp_program_load(last);
}

/* The call in a process of its own, which leads a group of its own; under the policy, if any. */
static struct result try_call(const struct row *row, struct policy *policy) {
    struct result *result =
        mmap(NULL, sizeof(*result), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(result, MAP_FAILED);
    pid_t pid = fork();
    if (pid == 0) {
        long a[6];
        setpgid(0, 0);
        for (int i = 0; i < 6; i++)
            a[i] = row->arguments[i] == OWN_PID ? getpid() : row->arguments[i];
        if (policy && load(policy))
            _exit(1);
        errno = 0;
        result->value = syscall(row->number, a[0], a[1], a[2], a[3], a[4], a[5]);
        result->error = errno;
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (status != 0)
        fail_msg("%s(%lx, %lx): the trying process ended with %x", row->label, row->arguments[0],
                 row->arguments[1], status);
    struct result copy = *result;
    munmap(result, sizeof(*result));
    return copy;
}

static bool as_expected(const struct row *row, struct result plain, struct result filtered) {
    bool same = plain.value == filtered.value && plain.error == filtered.error;
    if (row->expected == SAME)
        return same;
    if (row->expected == 0)
        return !same && filtered.value == 0;
    return !same && filtered.value == -1 && filtered.error == row->expected;
}

static void try_rows(struct policy made(unsigned bits)) {
    unsigned wrong = 0;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct row *row = &rows[i];
        struct policy policy = made(row->options);
        struct result plain = try_call(row, NULL), filtered = try_call(row, &policy);
        policy_done(&policy);
        if (as_expected(row, plain, filtered))
            continue;
        wrong++;
        print_error("%s(%lx, %lx) options %x: expected %d, got %ld errno %d; without filter %ld "
                    "errno %d\n",
                    row->label, row->arguments[0], row->arguments[1], row->options, row->expected,
                    filtered.value, filtered.error, plain.value, plain.error);
    }
    assert_int_equal(wrong, 0);
}

static void test_rows(void **state) {
    (void)state;
    try_rows(whole);
}

static void test_rows_in_parts(void **state) {
    (void)state;
    try_rows(in_parts);
}

/* Umask says nothing when it fails, so it is looked at by its effect. */
static int umask_after(unsigned bits, mode_t wanted) {
    struct policy policy = in_parts(bits);
    pid_t pid = fork();
    if (pid == 0) {
        umask(0077);
        if (load(&policy))
            _exit(255);
        umask(wanted);
        _exit((int)umask(0777)); /* 0777 lacks no bit: it passes, and gives the one before */
    }
    int status = -1;
    waitpid(pid, &status, 0);
    policy_done(&policy);
    return WEXITSTATUS(status);
}

static void test_umask(void **state) {
    (void)state;
    assert_int_equal(umask_after(PLAIN, 0022), 0022);
    assert_int_equal(umask_after(PRIVATE, 0022), 0077);
    assert_int_equal(umask_after(PRIVATE, 0), 0077);
    assert_int_equal(umask_after(PRIVATE, 0067), 0077);
    assert_int_equal(umask_after(PRIVATE, 0177), 0177);
}

#ifdef __x86_64__
/* getpid() by the other two ABIs of this machine. Each gives -EPERM, not a pid, nor death. */
static long getpid_32(void) {
    long result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(20L) : "memory", "r8", "r9", "r10", "r11");
    return (int)result;
}

static long getpid_x32(void) {
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(0x40000000L | SYS_getpid)
                     : "memory", "rcx", "r11");
    return result;
}

static int under_filter(long (*call)(void)) {
    struct policy policy = in_parts(PLAIN);
    pid_t pid = fork();
    if (pid == 0) {
        if (load(&policy))
            _exit(255);
        _exit(call() == -EPERM ? 0 : 1);
    }
    int status = -1;
    waitpid(pid, &status, 0);
    policy_done(&policy);
    return status;
}

static void test_other_abis(void **state) {
    (void)state;
    /* The controls: neither says EPERM by itself (x32 may be built out of the kernel: ENOSYS). */
    assert_int_not_equal(getpid_32(), -EPERM);
    assert_int_not_equal(getpid_x32(), -EPERM);
    assert_int_equal(under_filter(getpid_32), 0);
    assert_int_equal(under_filter(getpid_x32), 0);
}
#endif

static void *sleeping_thread(void *unused) {
    pause();
    return unused;
}

/* TSYNC: a thread that was there before is under the filter, too. */
static void test_all_threads(void **state) {
    (void)state;
    struct seccomp_program program = compiled(PLAIN);
    pid_t pid = fork();
    if (pid == 0) {
        static char stack[65536] __attribute__((aligned(16)));
        int flags =
            CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;
        int tid = clone((int (*)(void *))(void (*)(void))sleeping_thread, stack + sizeof(stack),
                        flags, NULL);
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || seccomp_program_load(&program))
            _exit(255);
        char path[64], line[256];
        snprintf(path, sizeof(path), "/proc/self/task/%d/status", tid);
        FILE *file = fopen(path, "r");
        while (file && fgets(line, sizeof(line), file))
            if (strcmp(line, "Seccomp:\t2\n") == 0)
                _exit(0);
        _exit(1);
    }
    int status = -1;
    waitpid(pid, &status, 0);
    assert_int_equal(status, 0);
    seccomp_program_done(&program);
}

static void test_load_keeps_errno(void **state) {
    (void)state;
    struct sock_filter nothing = BPF_STMT(0xffff, 0);
    struct seccomp_program broken = {&nothing, 1};
    errno = ELOOP;
    assert_int_equal(seccomp_program_load(&broken), -EINVAL);
    assert_int_equal(errno, ELOOP);
}

static void test_done_empties(void **state) {
    (void)state;
    struct seccomp_program program = compiled(PLAIN);
    assert_in_range(program.length, 100, BPF_MAXINSNS);
    seccomp_program_done(&program);
    assert_null(program.filter);
    seccomp_program_done(&program);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),         cmocka_unit_test(test_rows_in_parts),
        cmocka_unit_test(test_umask),
#ifdef __x86_64__
        cmocka_unit_test(test_other_abis),
#endif
        cmocka_unit_test(test_all_threads),  cmocka_unit_test(test_load_keeps_errno),
        cmocka_unit_test(test_done_empties),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
