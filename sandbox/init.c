/* init: see init.h for what this code must not do. Everything here but init_start runs beside the
 * zygote in its memory. */
#include "init.h"

#include <errno.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "raw_syscall.h"
#include "sandbox.h"
#include "worker.h"

static _Noreturn void leave(int status) {
    for (;;)
        raw_syscall(SYS_exit_group, status, 0, 0, 0);
}

/* The zygote can die between the fork and PR_SET_PDEATHSIG, and in a new pid namespace getppid()
 * tells nothing: then this pipe has no writer any more. Its writing end was copied with the other
 * descriptors. */
static int zygote_is_gone(const struct sandbox *sandbox) {
    struct pollfd lifeline = {.fd = sandbox->lifeline[0]};
    struct timespec now = {0};
    raw_syscall(SYS_close, sandbox->lifeline[1], 0, 0, 0);
    return raw_syscall(SYS_ppoll, (long)&lifeline, 1, (long)&now, 0) != 0;
}

static void start_worker(void *slot) {
    worker_main(slot);
}

/* The worker begins on the copy of its init's own stack: what raw_clone writes for it is written
 * before the copy is made, in memory that all inits share. The large stack is its own only from
 * here on. */
static void enter_worker(void *argument) {
    struct slot *slot = argument;
    raw_switch_stack(slot->sandbox->worker_stack_top, start_worker, slot);
}

static void close_all(const struct slot *slot) {
    if (raw_syscall(SYS_close_range, 0, ~0U, 0, 0) == 0)
        return;
    /* No close_range(2) here: at least nothing of this run is held. */
    raw_syscall(SYS_close, slot->channel, 0, 0, 0);
    raw_syscall(SYS_close, slot->stdout_fd, 0, 0, 0);
    raw_syscall(SYS_close, slot->stderr_fd, 0, 0, 0);
}

static void init_main(void *argument) {
    struct slot *slot = argument;
    int status = 0;
    _Alignas(16) char first_stack[4096];
    raw_syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0);
    if (zygote_is_gone(slot->sandbox))
        leave(1);
    long worker = raw_clone(SIGCHLD, first_stack + sizeof(first_stack), NULL, enter_worker, slot);
    if (worker < 0)
        worker_report_failure(slot->channel, STAGE_SPAWN, (int)-worker);
    close_all(slot);
    while (worker > 0) {
        long pid = raw_syscall(SYS_wait4, -1, (long)&status, __WALL, 0);
        if (pid == worker) {
            slot->main_status = status;
            atomic_store(&slot->status_known, true);
            break;
        }
        if (pid < 0 && pid != -EINTR)
            break;
    }
    /* With its first process the kernel kills everything else in the namespace. */
    leave(0);
}

pid_t init_start(struct slot *slot) {
    atomic_store(&slot->status_known, false);
    slot->spawned_us = worker_now_us();
    return (pid_t)raw_clone(CLONE_VM | CLONE_NEWPID | SIGCHLD, slot->init_stack_top, NULL,
                            init_main, slot);
}
