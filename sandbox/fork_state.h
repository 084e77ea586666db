/*
 * fork_state: what a raw clone(2) leaves wrong in the child and fork(3) would have put right: the
 * thread id that libc and Python keep, its robust list and rseq area, and random generators that
 * would give every child the same numbers. set_tid_address(2), set_robust_list(2), rseq(2),
 * getrandom(2).
 */
#ifndef FORK_STATE_H
#define FORK_STATE_H

#include <stddef.h>
#include <stdint.h>

/* Mersenne Twister, 624 words and an index: of Python's random, and of numpy.random. NULL: none. */
struct twister {
    uint32_t *words;
    int *index;
};

struct fork_state {
    int *thread_id;
    uint32_t *native_id;   /* what Python's main thread says that its thread id is */
    unsigned char *secret; /* of Python's multiprocessing */
    size_t secret_size;
    void *robust_list;
    size_t robust_size;
    struct twister twisters[2];
};

/* In the process that will be forked: where these are. Those of Python are the caller's to know:
 * what *ret_state has of them stays. 0 or -errno. */
int fork_state_find(struct fork_state *ret_state);

/* In the child, before it runs anything of libc's that looks at them. System calls only. 0 or
 * -errno. */
int fork_state_renew(const struct fork_state *state);

#endif
