/* seccomp_plain: see seccomp_plain.h. */
#include "seccomp_plain.h"

#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>

static bool inside(int number) {
    return number >= 0 && number < SECCOMP_PLAIN_CALLS;
}

bool seccomp_plain_has(const struct seccomp_plain *plain, int number) {
    return inside(number) && (plain->words[number / 32] >> (number % 32) & 1);
}

void seccomp_plain_add(struct seccomp_plain *plain, int number) {
    if (inside(number))
        plain->words[number / 32] |= 1u << (number % 32);
}

void seccomp_plain_remove(struct seccomp_plain *plain, int number) {
    if (inside(number))
        plain->words[number / 32] &= ~(1u << (number % 32));
}

#define HEAD 11 /* instructions before the words */
#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))

/* How far a jump from an instruction goes to reach another. */
static uint8_t over(unsigned from, unsigned to) {
    return (uint8_t)(to - from - 1);
}

/* X becomes the number's bit, A the number of its word. */
static void write_head(uint32_t arch, unsigned rest, struct sock_filter *ret_filter) {
    const struct sock_filter head[HEAD] = {
        LOAD(arch),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, arch, 0, over(1, rest)),
        LOAD(nr),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, SECCOMP_PLAIN_CALLS, over(3, rest), 0),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 31),
        BPF_STMT(BPF_MISC | BPF_TAX, 0),
        BPF_STMT(BPF_LD | BPF_IMM, 1),
        BPF_STMT(BPF_ALU | BPF_LSH | BPF_X, 0),
        BPF_STMT(BPF_MISC | BPF_TAX, 0),
        LOAD(nr),
        BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 5),
    };
    memcpy(ret_filter, head, sizeof(head));
}

unsigned seccomp_plain_compile(const struct seccomp_plain *plain, uint32_t arch,
                               struct sock_filter *ret_filter) {
    unsigned words = 0, n = HEAD;
    for (unsigned i = 0; i < SECCOMP_PLAIN_WORDS; i++)
        words += plain->words[i] != 0;
    const unsigned allow = HEAD + 3 * words + 1, rest = allow + 1;
    write_head(arch, rest, ret_filter);
    for (unsigned i = 0; i < SECCOMP_PLAIN_WORDS; i++) {
        if (!plain->words[i])
            continue;
        const struct sock_filter look[] = {
            BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, i, 0, 2), /* else the next word */
            BPF_STMT(BPF_LD | BPF_IMM, plain->words[i]),
            BPF_JUMP(BPF_JMP | BPF_JSET | BPF_X, 0, over(n + 2, allow), over(n + 2, rest)),
        };
        memcpy(&ret_filter[n], look, sizeof(look));
        n += 3;
    }
    /* A word that has no bit at all comes here. */
    ret_filter[n++] = (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, 1);
    ret_filter[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    return n;
}
