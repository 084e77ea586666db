/*
 * checked_child: tests whose body runs in a child, since it changes all of its process. The test
 * has a `record` in memory that both share, with `failed` and `line` for what did not hold.
 */
#ifndef CHECKED_CHILD_H
#define CHECKED_CHILD_H

#include <signal.h>
#include <stdio.h>
#include <sys/types.h>
#include <unistd.h>

/* In the child: says what is wrong and ends. */
#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            record->failed = #condition;                                                           \
            record->line = __LINE__;                                                               \
            _exit(1);                                                                              \
        }                                                                                          \
    } while (0)

/* As fork(2): cmocka's handlers of signals are not for a child. */
static pid_t fork_child(void) {
    static const int numbers[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE};
    fflush(NULL);
    pid_t pid = fork();
    for (size_t i = 0; pid == 0 && i < sizeof(numbers) / sizeof(numbers[0]); i++)
        signal(numbers[i], SIG_DFL);
    return pid;
}

#endif
