/*
 * child: one role's process as the monitor sees it: start by exec, when to start again, when to
 * kill. Knows nothing of what the roles do.
 */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "roles.h"

#define FIRST_DELAY_MS 100
#define LAST_DELAY_MS 5000
#define LONG_LIFE_MS 10000

int64_t child_now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* In the new process: a clean signal state, the channel at its number. The server goes with the
 * monitor: prctl(2) PR_SET_PDEATHSIG. The zygote then reads end of file, and clears away what only
 * it can before it leaves. */
static _Noreturn void become_role(enum role role, const char *program, char *const argv[],
                                  char *const envp[], int channel, pid_t monitor) {
    /* Being told to stop waits until the role can take it: it must not end by it on its way. */
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_SETMASK, &set, NULL);
    /* What the operator's shell ignores, a script need not: all to the default, by the kernel's own
     * call, since libc hides two of them. Zeroes are SIG_DFL without flags in its struct. */
    static const unsigned long default_action[8];
    for (int number = 1; number <= 64; number++)
        syscall(SYS_rt_sigaction, number, default_action, NULL, 8);
    if (role == ROLE_SERVER)
        prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != monitor)
        _exit(1);
    /* dup2 clears close-on-exec, but not when both numbers are the same. */
    if (channel == ROLE_CHANNEL_FD ? fcntl(channel, F_SETFD, 0) < 0
                                   : dup2(channel, ROLE_CHANNEL_FD) < 0)
        _exit(1);
    close_range(ROLE_CHANNEL_FD + 1, INT_MAX, 0);
    execve(program, argv, envp);
    _exit(127);
}

int child_start(struct child *child, const struct config *config, const char *program,
                char *const envp[], int channel) {
    char **argv = config_argv(config, program, child->role);
    if (!argv)
        return -ENOMEM;
    pid_t monitor = getpid(), pid = fork();
    if (pid == 0)
        become_role(child->role, program, argv, envp, channel, monitor);
    int error = errno;
    config_argv_free(argv);
    if (pid < 0)
        return -error;
    child->pid = pid;
    child->started_ms = child_now_ms();
    child->due_ms = 0;
    child->end_by_ms = 0;
    child->generation = config->generation;
    return 0;
}

void child_ended(struct child *child) {
    int64_t now = child_now_ms();
    if (now - child->started_ms >= LONG_LIFE_MS || child->delay_ms == 0)
        child->delay_ms = FIRST_DELAY_MS;
    else if (child->delay_ms < LAST_DELAY_MS)
        child->delay_ms *= 2;
    child->pid = 0;
    child->due_ms = now + child->delay_ms;
}

void child_end_by(struct child *child, int64_t at_ms) {
    if (child->pid && (!child->end_by_ms || at_ms < child->end_by_ms))
        child->end_by_ms = at_ms;
}

void child_kill(struct child *child) {
    if (child->pid)
        kill(child->pid, SIGKILL);
}

int64_t child_kill_due(struct child *child) {
    if (!child->pid || !child->end_by_ms)
        return INT64_MAX;
    if (child_now_ms() < child->end_by_ms)
        return child->end_by_ms;
    log_line(LOG_WARNING, "%s does not leave: it is killed",
             child->role == ROLE_SERVER ? "the server" : "a zygote");
    child_kill(child);
    child->end_by_ms = INT64_MAX; /* nothing more can be done */
    return INT64_MAX;
}
