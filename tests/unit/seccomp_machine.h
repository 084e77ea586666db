/* seccomp_machine: carries out the instructions of a filter, as the kernel does for a call. For
 * test_seccomp_policy.c and test_seccomp_parts.c. Include cmocka.h before. */
#ifndef SECCOMP_MACHINE_H
#define SECCOMP_MACHINE_H

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <string.h>

#include "seccomp_program.h"

#if defined(__x86_64__)
#define OWN_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OWN_ARCH AUDIT_ARCH_AARCH64
#endif

#define ALLOWED SECCOMP_RET_ALLOW
#define REFUSED(error) (SECCOMP_RET_ERRNO | (uint32_t)(error))

/* What of classic BPF a filter uses; anything else fails the test. */
static inline bool jumps(const struct sock_filter *at, uint32_t a) {
    switch (BPF_OP(at->code)) {
    case BPF_JEQ:
        return a == at->k;
    case BPF_JGT:
        return a > at->k;
    case BPF_JGE:
        return a >= at->k;
    case BPF_JSET:
        return a & at->k;
    default:
        fail_msg("jump %x", at->code);
        return false;
    }
}

static inline uint32_t carry_out(const struct seccomp_program *program,
                                 const struct seccomp_data *data) {
    uint32_t a = 0;
    for (unsigned i = 0; i < program->length; i++) {
        const struct sock_filter *at = &program->filter[i];
        if (at->code == (BPF_LD | BPF_W | BPF_ABS)) {
            assert_true(at->k % 4 == 0 && at->k < sizeof(*data));
            memcpy(&a, (const char *)data + at->k, 4);
        } else if (at->code == (BPF_ALU | BPF_AND | BPF_K)) {
            a &= at->k;
        } else if (at->code == (BPF_JMP | BPF_JA)) {
            i += at->k;
        } else if (BPF_CLASS(at->code) == BPF_JMP && BPF_SRC(at->code) == BPF_K) {
            i += jumps(at, a) ? at->jt : at->jf;
        } else if (at->code == (BPF_RET | BPF_K)) {
            return at->k;
        } else {
            fail_msg("instruction %x", at->code);
        }
    }
    fail_msg("the filter has no end");
    return 0;
}

static inline uint32_t verdict(const struct seccomp_program *program, uint32_t arch, int number) {
    return carry_out(program, &(struct seccomp_data){.nr = number, .arch = arch});
}

#endif
