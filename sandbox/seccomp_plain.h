/*
 * seccomp_plain: the calls that are allowed whatever their arguments are, as a table of bits that a
 * BPF program looks at first. Ten times shorter than a tree of comparisons; what is not in it goes
 * on to the instructions behind. seccomp(2).
 */
#ifndef SECCOMP_PLAIN_H
#define SECCOMP_PLAIN_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stdint.h>

#define SECCOMP_PLAIN_CALLS 512
#define SECCOMP_PLAIN_WORDS (SECCOMP_PLAIN_CALLS / 32)
#define SECCOMP_PLAIN_INSTRUCTIONS (13 + 3 * SECCOMP_PLAIN_WORDS)

struct seccomp_plain {
    uint32_t words[SECCOMP_PLAIN_WORDS];
};

/* False for numbers that are outside. */
bool seccomp_plain_has(const struct seccomp_plain *plain, int number);
void seccomp_plain_add(struct seccomp_plain *plain, int number);
void seccomp_plain_remove(struct seccomp_plain *plain, int number);

/* Writes the program's beginning, at most SECCOMP_PLAIN_INSTRUCTIONS; returns how many. arch: the
 * AUDIT_ARCH_ for which the numbers hold. */
unsigned seccomp_plain_compile(const struct seccomp_plain *plain, uint32_t arch,
                               struct sock_filter *ret_filter);

#endif
