/* init: see init.h for what this code must not do. What init_main and clear_main do
 * runs beside the zygote in its memory. */
#include "init.h"

#include <errno.h>
#include <limits.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <poll.h>
#include <sanitizer/asan_interface.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "keeper.h"
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

/* The worker has the table of descriptors from now on; this process gets one of its own, in which
 * there is nothing. Else the zygote's hundred descriptors would be copied and closed twice. */
static void leave_descriptors(const struct slot *slot) {
    if (raw_syscall(SYS_close_range, 0, INT_MAX, CLOSE_RANGE_UNSHARE, 0) == 0)
        return;
    /* No close_range(2) here: at least nothing of this run is held. If it cannot have a table of
     * its own either, it holds what the worker holds. */
    if (raw_syscall(SYS_unshare, CLONE_FILES, 0, 0, 0) < 0)
        return;
    raw_syscall(SYS_close, slot->channel, 0, 0, 0);
    raw_syscall(SYS_close, slot->stdout_fd, 0, 0, 0);
    raw_syscall(SYS_close, slot->stderr_fd, 0, 0, 0);
}

static void wait_for_worker(struct slot *slot, long worker) {
    int status = 0;
    while (worker > 0) {
        long pid = raw_syscall(SYS_wait4, -1, (long)&status, __WALL, 0);
        if (pid == worker) {
            slot->main_status = status;
            atomic_store(&slot->status_known, true);
            return;
        }
        if (pid < 0 && pid != -EINTR)
            return;
    }
}

static void init_main(void *argument) {
    struct slot *slot = argument;
    const bool keeper = !slot->sandbox->plan.pid_namespace;
    _Alignas(16) char first_stack[4096];
    if (keeper)
        keeper_begin();
    else
        raw_syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0);
    if (zygote_is_gone(slot->sandbox))
        leave(1);
    long worker = raw_clone(CLONE_FILES | SIGCHLD, first_stack + sizeof(first_stack), NULL,
                            enter_worker, slot);
    if (worker < 0)
        worker_report_failure(slot->channel, STAGE_SPAWN, (int)-worker);
    leave_descriptors(slot);
    if (keeper)
        keeper_end(slot, worker);
    else
        wait_for_worker(slot, worker);
    /* With its first process the kernel kills everything else in a pid namespace. */
    leave(0);
}

/* Who was on it before has left without returning: what AddressSanitizer has marked there
 * is not valid for the next one. Nothing without it. */
static void *fresh_stack(const struct slot *slot) {
    ASAN_UNPOISON_MEMORY_REGION((char *)slot->init_stack_top - INIT_STACK_BYTES, INIT_STACK_BYTES);
    return slot->init_stack_top;
}

pid_t init_start(struct slot *slot) {
    const unsigned long namespaces = slot->sandbox->plan.pid_namespace ? CLONE_NEWPID : 0;
    atomic_store(&slot->status_known, false);
    slot->spawned_us = worker_now_us();
    return (pid_t)raw_clone(CLONE_VM | namespaces | SIGCHLD, fresh_stack(slot), NULL, init_main,
                            slot);
}

/* The first process of a pid namespace cannot: what it had to kill dies with it. */
bool init_needs_clear(const struct slot *slot) {
    return slot->sandbox->plan.pid_namespace && !slot->sandbox->plan.private_root;
}

static void clear_main(void *argument) {
    struct slot *slot = argument;
    raw_syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0);
    if (!slot->sandbox->plan.pid_namespace && slot->sandbox->plan.unique_uid)
        keeper_end_strays(slot);
    if (!slot->sandbox->plan.private_root && places_clear(slot) < 0)
        atomic_store(&slot->dirty, true);
    leave(0);
}

pid_t init_clear(struct slot *slot) {
    return (pid_t)raw_clone(CLONE_VM | SIGCHLD, fresh_stack(slot), NULL, clear_main, slot);
}

void init_kill(const struct slot *slot) {
    if (!slot->clearing)
        kill(slot->init, slot->sandbox->plan.pid_namespace ? SIGKILL : KEEPER_END_SIGNAL);
}
