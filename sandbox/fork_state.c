/* fork_state: see fork_state.h. */
#include "fork_state.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "twister.h"

/* Of the key of each generator: 256 bits. */
#define KEY_WORDS 8

/* libc keeps the thread id near the thread pointer; the kernel knows where, if it was built to tell
 * (PR_GET_TID_ADDRESS). Else: glibc has it two words before the head of the robust list. */
static int find_thread_id(const void *robust_list, int **ret_address) {
    int *address = NULL;
    if (prctl(PR_GET_TID_ADDRESS, &address, 0, 0, 0) < 0 || !address)
        address = robust_list ? (int *)((const char *)robust_list - 2 * sizeof(void *)) : NULL;
    if (!address || *address != getpid())
        return -ENOENT;
    *ret_address = address;
    return 0;
}

int fork_state_find(struct fork_state *ret_state) {
    struct fork_state state = *ret_state;
    if (syscall(SYS_get_robust_list, 0, &state.robust_list, &state.robust_size) < 0)
        return -errno;
    int r = find_thread_id(state.robust_list, &state.thread_id);
    if (r < 0)
        return r;
    *ret_state = state;
    return 0;
}

static int fill(void *bytes, size_t size) {
    char *at = bytes;
    while (size > 0) {
        ssize_t n = getrandom(at, size, 0);
        if (n < 0 && errno != EINTR)
            return -errno;
        at += n > 0 ? n : 0;
        size -= n > 0 ? (size_t)n : 0;
    }
    return 0;
}

/* Index at the end: the next number makes the generator mix all words. The kernel takes three times
 * as long for a random state as for a key and what follows from it. */
static int renew_twister(const struct twister *twister) {
    uint32_t key[KEY_WORDS];
    if (!twister->words)
        return 0;
    int r = fill(key, sizeof(key));
    twister_seed(twister->words, key, KEY_WORDS);
    explicit_bzero(key, sizeof(key));
    *twister->index = TWISTER_WORDS;
    return r;
}

/* The kernel forgot it when the init was cloned with the zygote's memory; a stale processor number
 * would stay. */
static void renew_rseq(void) {
    struct rseq *area = (struct rseq *)((char *)__builtin_thread_pointer() + __rseq_offset);
    if (__rseq_size && syscall(SYS_rseq, area, 32, 0, RSEQ_SIG) < 0 && errno != EBUSY)
        area->cpu_id = (uint32_t)RSEQ_CPU_ID_UNINITIALIZED;
}

int fork_state_renew(const struct fork_state *state) {
    *state->thread_id = (int)syscall(SYS_gettid);
    syscall(SYS_set_tid_address, state->thread_id);
    if (syscall(SYS_set_robust_list, state->robust_list, state->robust_size) < 0)
        return -errno;
    renew_rseq();
    if (state->native_id)
        *state->native_id = (uint32_t)*state->thread_id;
    int r = fill(state->secret, state->secret_size);
    for (int i = 0; r == 0 && i < 2; i++)
        r = renew_twister(&state->twisters[i]);
    return r;
}
