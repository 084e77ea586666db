/*
 * dormant_signals: calls after which a sleeping library could not be woken any more, whoever in
 * this process makes them: these functions stand before libc's for all libraries (the Makefile's
 * dormant_calls). Who takes, ignores or blocks SIGSEGV or bounds the memory that can be written
 * finds all awake; so does a library that is loaded now, which nobody has looked at.
 */
#include "dormant_signals.h"

#include <dlfcn.h>
#include <signal.h>
#include <sys/resource.h>

#include "dormant.h"

static struct {
    void *sigaction, *signal, *sigprocmask, *pthread_sigmask, *setrlimit, *setrlimit64, *prlimit,
        *prlimit64, *dlopen;
} libc;

/* Libraries may call before anything of ours has run: so each call looks itself up too. */
static inline void *look_up(void **known, const char *name) {
    return *known ? *known : (*known = dlsym(RTLD_NEXT, name));
}

#define LOOK_UP(name) ((__typeof__(name) *)look_up(&libc.name, #name))

void dormant_signals_begin(void) {
    (void)LOOK_UP(sigaction);
    (void)LOOK_UP(signal);
    (void)LOOK_UP(sigprocmask);
    (void)LOOK_UP(pthread_sigmask);
    (void)LOOK_UP(setrlimit);
    (void)LOOK_UP(setrlimit64);
    (void)LOOK_UP(prlimit);
    (void)LOOK_UP(prlimit64);
    (void)LOOK_UP(dlopen);
}

static bool blocks(int how, const sigset_t *set) {
    return set && how != SIG_UNBLOCK && sigismember(set, SIGSEGV) == 1;
}

/* Also who only asks: the answer is not to be our handler. */
int sigaction(int number, const struct sigaction *action, struct sigaction *ret_old) {
    if (number == SIGSEGV)
        dormant_give_back();
    else if (action && blocks(SIG_BLOCK, &action->sa_mask))
        dormant_wake_all();
    return LOOK_UP(sigaction)(number, action, ret_old);
}

sighandler_t signal(int number, sighandler_t handler) {
    if (number == SIGSEGV)
        dormant_give_back();
    return LOOK_UP(signal)(number, handler);
}

int sigprocmask(int how, const sigset_t *set, sigset_t *ret_old) {
    if (blocks(how, set))
        dormant_wake_all();
    return LOOK_UP(sigprocmask)(how, set, ret_old);
}

int pthread_sigmask(int how, const sigset_t *set, sigset_t *ret_old) {
    if (blocks(how, set))
        dormant_wake_all();
    return LOOK_UP(pthread_sigmask)(how, set, ret_old);
}

/* Memory that becomes writable is counted by RLIMIT_DATA. */
int setrlimit(__rlimit_resource_t resource, const struct rlimit *limit) {
    if (resource == RLIMIT_DATA)
        dormant_wake_all();
    return LOOK_UP(setrlimit)(resource, limit);
}

int setrlimit64(__rlimit_resource_t resource, const struct rlimit64 *limit) {
    if (resource == RLIMIT_DATA)
        dormant_wake_all();
    return LOOK_UP(setrlimit64)(resource, limit);
}

int prlimit(pid_t pid, enum __rlimit_resource resource, const struct rlimit *limit,
            struct rlimit *ret_old) {
    if (resource == RLIMIT_DATA)
        dormant_wake_all();
    return LOOK_UP(prlimit)(pid, resource, limit, ret_old);
}

int prlimit64(pid_t pid, enum __rlimit_resource resource, const struct rlimit64 *limit,
              struct rlimit64 *ret_old) {
    if (resource == RLIMIT_DATA)
        dormant_wake_all();
    return LOOK_UP(prlimit64)(pid, resource, limit, ret_old);
}

/* libc looks at the return address for whom a library is searched: this is to be a jump. */
void *dlopen(const char *file, int mode) {
    dormant_wake_all();
    return LOOK_UP(dlopen)(file, mode);
}
