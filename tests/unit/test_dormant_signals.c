/* dormant: calls that would take the signal from what sleeps, or leave it no room, wake all before;
 * others do not. Each case runs in a child, of which a snapshot is taken. */
#include <dlfcn.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "dormant_forks.h"

static volatile sig_atomic_t taken;

static void take(int number) {
    taken = number;
}

static void query_action(void) {
    struct sigaction old;
    CHECK(sigaction(SIGSEGV, NULL, &old) == 0 && old.sa_handler == SIG_DFL);
}

static void set_action(void) {
    const struct sigaction action = {.sa_handler = take};
    struct sigaction old;
    CHECK(sigaction(SIGSEGV, &action, &old) == 0 && old.sa_handler == SIG_DFL);
    CHECK(all_are_awake());
    write_to_cjson();
    CHECK(raise(SIGSEGV) == 0 && taken == SIGSEGV);
}

static void set_handler(void) {
    CHECK(signal(SIGSEGV, SIG_IGN) == SIG_DFL);
    CHECK(signal(SIGSEGV, SIG_DFL) == SIG_IGN);
}

static void block_during_another(void) {
    struct sigaction action = {.sa_handler = take}, old;
    sigfillset(&action.sa_mask);
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    CHECK(sigaction(SIGUSR1, NULL, &old) == 0 && old.sa_handler == take);
}

static void block_all(void) {
    sigset_t all, old;
    sigfillset(&all);
    CHECK(sigprocmask(SIG_BLOCK, &all, NULL) == 0);
    CHECK(sigprocmask(SIG_BLOCK, NULL, &old) == 0 && sigismember(&old, SIGSEGV) == 1);
}

static void block_in_thread(void) {
    sigset_t all;
    sigfillset(&all);
    CHECK(pthread_sigmask(SIG_SETMASK, &all, NULL) == 0);
}

static void bound_data(void) {
    struct rlimit limit = {1 << 20, RLIM_INFINITY}, now;
    CHECK(setrlimit(RLIMIT_DATA, &limit) == 0);
    CHECK(getrlimit(RLIMIT_DATA, &now) == 0 && now.rlim_cur == 1 << 20);
}

static void bound_data_by_prlimit(void) {
    struct rlimit limit = {1 << 20, RLIM_INFINITY}, old;
    CHECK(prlimit(0, RLIMIT_DATA, &limit, &old) == 0 && old.rlim_cur == RLIM_INFINITY);
}

static void open_library(void) {
    CHECK(dlopen("libcjson.so.1", RTLD_NOW) && !dlopen("/nothing", RTLD_NOW));
}

static void (*call)(void);

static void call_and_write(void) {
    CHECK(all_sleep());
    call();
    CHECK(all_are_awake());
    write_to_cjson();
}

static void check_calls_that_wake(void) {
    static void (*const calls[])(void) = {
        query_action,    set_action, set_handler,           block_during_another, block_all,
        block_in_thread, bound_data, bound_data_by_prlimit, open_library};
    sleep_all();
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        call = calls[i];
        in_fork(call_and_write);
    }
}

static void test_calls_that_wake(void **state) {
    (void)state;
    in_child(check_calls_that_wake);
}

static void check_calls_that_do_not(void) {
    const struct rlimit no_core = {0};
    const struct sigaction action = {.sa_handler = take};
    sigset_t some, old;
    sleep_all();
    sigemptyset(&some);
    CHECK(sigprocmask(SIG_SETMASK, &some, NULL) == 0);
    sigaddset(&some, SIGCHLD);
    CHECK(sigprocmask(SIG_BLOCK, &some, NULL) == 0 && pthread_sigmask(SIG_BLOCK, NULL, &old) == 0);
    sigfillset(&some);
    CHECK(pthread_sigmask(SIG_UNBLOCK, &some, NULL) == 0);
    CHECK(sigaction(SIGUSR2, &action, NULL) == 0 && signal(SIGUSR1, take) == SIG_DFL);
    CHECK(setrlimit(RLIMIT_CORE, &no_core) == 0);
    CHECK(all_sleep());
    in_fork(write_and_look);
    dormant_give_back();
    CHECK(!dormant_after(0));
    CHECK(signal(SIGSEGV, SIG_DFL) == SIG_DFL);
    write_to_cjson();
}

static void test_calls_that_do_not_wake(void **state) {
    (void)state;
    in_child(check_calls_that_do_not);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls_that_wake),
        cmocka_unit_test(test_calls_that_do_not_wake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
