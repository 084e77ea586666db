/*
 * seccomp_program: compiles the rows of seccomp_table.c with libseccomp and loads the result. Each
 * of the table's three steps becomes a program of its own, and the three are joined into one: where
 * a step does not decide, it jumps to the next. (libseccomp itself cannot say "otherwise".) Must
 * not know what any rule is for.
 */
#include "seccomp_program.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "seccomp_calls.h"
#include "seccomp_table.h"
#include "seccomp_worker.h"

/* What a step returns for a call that it leaves to the next one; none of its rows may return it. */
static const uint32_t step_default[STEP_COUNT] = {
    [STEP_FORBID] = SCMP_ACT_ALLOW,
    [STEP_ALLOW] = SCMP_ACT_ERRNO(ENOSYS),
    [STEP_OTHERWISE] = SCMP_ACT_ERRNO(ENOSYS),
};

static struct scmp_arg_cmp compare_masked(unsigned argument, uint64_t mask, uint64_t value) {
    return (struct scmp_arg_cmp){argument, SCMP_CMP_MASKED_EQ, mask, value};
}

static struct scmp_arg_cmp compare(const struct seccomp_match *match) {
    if (match->test == TEST_EQUAL)
        return (struct scmp_arg_cmp){match->argument, SCMP_CMP_EQ, match->value, 0};
    return compare_masked(match->argument, match->mask, match->value);
}

/* One rule for each bit of the mask: libseccomp compares masked values for equality only. */
static int add_bit_rules(scmp_filter_ctx context, uint32_t action, int number,
                         const struct seccomp_match *match) {
    for (uint64_t rest = match->mask; rest; rest &= rest - 1) {
        uint64_t bit = rest & -rest;
        struct scmp_arg_cmp test =
            compare_masked(match->argument, bit, match->test == TEST_ANY_BIT ? bit : 0);
        int error = seccomp_rule_add_array(context, action, number, 1, &test);
        if (error)
            return error;
    }
    return 0;
}

static int add_rules(scmp_filter_ctx context, const struct seccomp_row *row, int number) {
    uint32_t action =
        row->step == STEP_ALLOW ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO((unsigned)row->error);
    if (action == step_default[row->step])
        return 0;
    if (row->match[0].test == TEST_ANY_BIT || row->match[0].test == TEST_LACKS_BIT)
        return add_bit_rules(context, action, number, &row->match[0]);
    struct scmp_arg_cmp tests[2];
    unsigned count = 0;
    while (count < 2 && row->match[count].test != TEST_NONE) {
        tests[count] = compare(&row->match[count]);
        count++;
    }
    return seccomp_rule_add_array(context, action, number, count, tests);
}

/* Rows do not speak of calls that are deferred. */
static int add_row(scmp_filter_ctx context, const struct seccomp_row *row,
                   const struct seccomp_calls *deferred) {
    for (const char *names = row->names; *names;) {
        int number = seccomp_take_name(&names);
        bool decided = number < 0 || seccomp_calls_have(deferred, number);
        int error = decided ? 0 : add_rules(context, row, number);
        if (error)
            return error;
    }
    return 0;
}

/* Lets through what another part decides. */
static int add_deferred(scmp_filter_ctx context, const struct seccomp_options *options,
                        const struct seccomp_deferred *deferred) {
    int error = 0;
    for (int number = 0; number < SECCOMP_CALLS_MOST && !error; number++)
        if (seccomp_calls_have(&deferred->whole, number)) {
            error = seccomp_rule_add_array(context, SCMP_ACT_ALLOW, number, 0, NULL);
        } else if (seccomp_calls_have(&deferred->part, number)) {
            const struct scmp_arg_cmp test = compare(seccomp_setup_match(number, options));
            error = seccomp_rule_add_array(context, SCMP_ACT_ALLOW, number, 1, &test);
        }
    return error;
}

static int set_attributes(scmp_filter_ctx context) {
    /* A call of another ABI (32 bit, x32) is refused before its number is looked at. */
    int error = seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(EPERM));
    if (error)
        return error;
    return seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a binary tree */
}

/* Appends what the context compiles to. */
static int export_program(scmp_filter_ctx context, struct seccomp_program *program) {
    int file = memfd_create("seccomp", MFD_CLOEXEC);
    if (file < 0)
        return -errno;
    int error = seccomp_export_bpf(context, file);
    off_t bytes = error ? 0 : lseek(file, 0, SEEK_END);
    size_t added = bytes > 0 ? (size_t)bytes / sizeof(struct sock_filter) : 0;
    size_t length = program->length + added;
    struct sock_filter *filter = NULL;
    if (!error && (added == 0 || length > BPF_MAXINSNS))
        error = -E2BIG;
    if (!error && !(filter = realloc(program->filter, length * sizeof(*filter))))
        error = -ENOMEM;
    if (!error) {
        program->filter = filter;
        if (pread(file, filter + program->length, (size_t)bytes, 0) == bytes)
            program->length = (unsigned short)length;
        else
            error = -EIO;
    }
    close(file);
    return error;
}

/* Makes the instructions from `first` on go on behind the program's end where they return action.
 */
static void continue_after(struct seccomp_program *program, unsigned first, uint32_t action) {
    for (unsigned i = first; i < program->length; i++) {
        struct sock_filter *instruction = &program->filter[i];
        if (instruction->code == (BPF_RET | BPF_K) && instruction->k == action)
            *instruction = (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, program->length - i - 1u);
    }
}

static int compile_step(enum seccomp_step step, const struct seccomp_options *options,
                        const struct seccomp_deferred *deferred, struct seccomp_program *program) {
    scmp_filter_ctx context = seccomp_init(step_default[step]);
    if (!context)
        return -ENOMEM;
    int error = set_attributes(context);
    for (size_t i = 0; i < seccomp_table_size && !error; i++) {
        const struct seccomp_row *row = &seccomp_table[i];
        if (row->step == step && seccomp_in_force(row->when, options))
            error = add_row(context, row, &deferred->whole);
    }
    if (!error && step == STEP_ALLOW)
        error = add_deferred(context, options, deferred);
    unsigned first = program->length;
    if (!error)
        error = export_program(context, program);
    seccomp_release(context);
    if (!error && step + 1 < STEP_COUNT)
        continue_after(program, first, step_default[step]);
    return error;
}

static int compile(const struct seccomp_options *options, const struct seccomp_deferred *deferred,
                   struct seccomp_program *ret_program) {
    struct seccomp_program program = {0};
    for (enum seccomp_step step = 0; step < STEP_COUNT; step++) {
        int error = compile_step(step, options, deferred, &program);
        if (error) {
            seccomp_program_done(&program);
            return error;
        }
    }
    *ret_program = program;
    return 0;
}

int seccomp_compile(const struct seccomp_options *options, struct seccomp_program *ret_program) {
    return compile(options, &(struct seccomp_deferred){{{0}}, {{0}}}, ret_program);
}

int seccomp_compile_zygote(const struct seccomp_options *options,
                           struct seccomp_program *ret_program) {
    const struct seccomp_deferred deferred = seccomp_calls_deferred(options);
    return compile(options, &deferred, ret_program);
}

int seccomp_compile_worker(const struct seccomp_options *options,
                           struct seccomp_program *ret_program) {
    return seccomp_worker_write(options, ret_program);
}

void seccomp_program_done(struct seccomp_program *program) {
    free(program->filter);
    *program = (struct seccomp_program){0};
}

void seccomp_program_set_pid(struct seccomp_program *program, pid_t pid) {
    for (unsigned i = 0; i < program->length; i++) {
        struct sock_filter *instruction = &program->filter[i];
        if (instruction->code == (BPF_JMP | BPF_JEQ | BPF_K) && instruction->k == SECCOMP_OWN_PID)
            instruction->k = (uint32_t)pid;
    }
}

int seccomp_program_load(const struct seccomp_program *program) {
    struct sock_fprog filter = {.len = program->length, .filter = program->filter};
    int saved = errno;
    long result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter);
    int error = result < 0 ? -errno : 0;
    errno = saved;
    return result > 0 ? -EBUSY : error; /* positive: the thread that could not be taken along */
}
