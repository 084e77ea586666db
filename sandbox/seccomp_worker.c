/*
 * seccomp_worker: a call that the setup needs has a block of instructions, with the table's rows in
 * the order of the steps; whatever else is asked for is let through, to the zygote's part. The
 * number is compared with constants, one by one, and nothing else is computed: so the kernel
 * (Linux 5.11) finds out beforehand for which calls there is nothing to ask. seccomp(2).
 */
#include "seccomp_worker.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "seccomp_calls.h"
#include "seccomp_table.h"

#define ROOM 1024 /* instructions */
#define ELSE 255  /* as the length of a jump: to the end of what is being written */

struct writer {
    struct sock_filter *filter;
    unsigned length;
    bool failed; /* too long, or a test that cannot be written */
};

static void put(struct writer *writer, struct sock_filter instruction) {
    if (writer->length == ROOM)
        writer->failed = true;
    else
        writer->filter[writer->length++] = instruction;
}

static void put_jump(struct writer *writer, unsigned test, uint32_t value, uint8_t is_true,
                     uint8_t is_false) {
    put(writer, (struct sock_filter)BPF_JUMP(BPF_JMP | test | BPF_K, value, is_true, is_false));
}

static void put_load(struct writer *writer, size_t offset) {
    put(writer, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offset));
}

static void put_return(struct writer *writer, uint32_t action) {
    put(writer, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action));
}

/* Sets the jumps from `first` on that wait for it. */
static void settle(struct writer *writer, unsigned first) {
    for (unsigned i = first; i < writer->length; i++) {
        struct sock_filter *at = &writer->filter[i];
        const unsigned distance = writer->length - i - 1;
        if (BPF_CLASS(at->code) != BPF_JMP || (at->jt != ELSE && at->jf != ELSE))
            continue;
        if (distance >= ELSE)
            writer->failed = true;
        if (at->jt == ELSE)
            at->jt = (uint8_t)distance;
        if (at->jf == ELSE)
            at->jf = (uint8_t)distance;
    }
}

/* Half of an argument, high or low, masked and compared. */
static void put_half(struct writer *writer, size_t offset, uint32_t mask, uint32_t value) {
    if (mask == 0 && value == 0)
        return;
    put_load(writer, offset);
    if (mask != UINT32_MAX)
        put(writer, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, mask));
    put_jump(writer, BPF_JEQ, value, 0, ELSE);
}

/* Goes on where the test holds, else to ELSE. */
static void put_test(struct writer *writer, const struct seccomp_match *match) {
    const size_t low = offsetof(struct seccomp_data, args) + match->argument * sizeof(uint64_t);
    const uint64_t mask = match->test == TEST_EQUAL ? UINT64_MAX : match->mask;
    switch (match->test) {
    case TEST_NONE:
        return;
    case TEST_EQUAL:
    case TEST_MASKED:
        put_half(writer, low + 4, (uint32_t)(mask >> 32), (uint32_t)(match->value >> 32));
        put_half(writer, low, (uint32_t)mask, (uint32_t)match->value);
        return;
    case TEST_ANY_BIT:
        put_load(writer, low);
        put_jump(writer, BPF_JSET, (uint32_t)mask, 0, ELSE);
        break;
    case TEST_LACKS_BIT:
        put_load(writer, low);
        put(writer, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, (uint32_t)mask));
        put_jump(writer, BPF_JEQ, (uint32_t)mask, ELSE, 0);
        break;
    }
    if (mask >> 32)
        writer->failed = true;
}

static void put_row(struct writer *writer, const struct seccomp_row *row) {
    const unsigned first = writer->length;
    put_test(writer, &row->match[0]);
    put_test(writer, &row->match[1]);
    put_return(writer, row->step == STEP_ALLOW ? SECCOMP_RET_ALLOW
                                               : SECCOMP_RET_ERRNO | (uint32_t)row->error);
    settle(writer, first);
}

/* Whether the row can say anything of calls for which the part's test holds. */
static bool concerns(const struct seccomp_row *row, const struct seccomp_match *part) {
    for (int i = 0; part && i < 2; i++)
        if (row->match[i].test == TEST_EQUAL && part->test == TEST_EQUAL &&
            row->match[i].argument == part->argument && row->match[i].value != part->value)
            return false;
    return true;
}

static void put_rows(struct writer *writer, const struct seccomp_options *options, const char *name,
                     const struct seccomp_match *part) {
    for (enum seccomp_step step = 0; step < STEP_COUNT; step++)
        for (size_t i = 0; i < seccomp_table_size; i++) {
            const struct seccomp_row *row = &seccomp_table[i];
            if (row->step != step || !seccomp_in_force(row->when, options) ||
                !seccomp_names(row->names, name) || !concerns(row, part))
                continue;
            put_row(writer, row);
            if (row->match[0].test == TEST_NONE)
                return;
        }
    put_return(writer, SECCOMP_RET_ERRNO | ENOSYS);
}

/* part: what of the call is decided here; NULL: all. */
static void put_call(struct writer *writer, const struct seccomp_options *options, int number,
                     const struct seccomp_match *part) {
    char *name = seccomp_syscall_resolve_num_arch(seccomp_arch_native(), number);
    const unsigned first = writer->length;
    put_jump(writer, BPF_JEQ, (uint32_t)number, 0, 0);
    if (part) {
        const unsigned guard = writer->length;
        put_test(writer, part);
        put(writer, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, 1));
        settle(writer, guard);
        put_return(writer, SECCOMP_RET_ALLOW);
    }
    if (name)
        put_rows(writer, options, name, part);
    else
        writer->failed = true;
    free(name);
    const unsigned length = writer->length - first - 1;
    if (length > UINT8_MAX)
        writer->failed = true;
    writer->filter[first].jf = (uint8_t)length;
}

int seccomp_worker_write(const struct seccomp_options *options,
                         struct seccomp_program *ret_program) {
    const struct seccomp_deferred deferred = seccomp_calls_deferred(options);
    struct writer writer = {.filter = malloc(ROOM * sizeof(struct sock_filter))};
    if (!writer.filter)
        return -ENOMEM;
    /* The numbers of another ABI are other calls; the zygote's part refuses them all. */
    put_load(&writer, offsetof(struct seccomp_data, arch));
    put_jump(&writer, BPF_JEQ, seccomp_arch_native(), 1, 0);
    put_return(&writer, SECCOMP_RET_ALLOW);
    put_load(&writer, offsetof(struct seccomp_data, nr));
    for (int number = 0; number < SECCOMP_CALLS_MOST; number++) {
        if (seccomp_calls_have(&deferred.whole, number))
            put_call(&writer, options, number, NULL);
        else if (seccomp_calls_have(&deferred.part, number))
            put_call(&writer, options, number, seccomp_setup_match(number, options));
    }
    put_return(&writer, SECCOMP_RET_ALLOW);
    if (writer.failed) {
        free(writer.filter);
        return -E2BIG;
    }
    *ret_program =
        (struct seccomp_program){.filter = writer.filter, .length = (unsigned short)writer.length};
    return 0;
}
