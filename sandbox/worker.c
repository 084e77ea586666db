/* worker: the order of the steps, and nothing else; each step is in the file of its mechanism. */
#include "worker.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "identity.h"
#include "mounts.h"
#include "python.h"
#include "python_warm.h"
#include "raw_syscall.h"
#include "reach.h"
#include "rlimits.h"
#include "sandbox.h"
#include "urgency.h"

void worker_report_failure(int channel, enum sandbox_stage stage, int error) {
    struct frame_header header = {.type = FRAME_SETUP_FAILED, .size = sizeof(struct setup_failure)};
    struct setup_failure failure = {.stage = stage, .error = error};
    struct iovec parts[] = {{&header, sizeof(header)}, {&failure, sizeof(failure)}};
    raw_syscall(SYS_writev, channel, (long)parts, 2, 0);
}

/* A process group of its own, the signal state of a program that was just started, the standard
 * descriptors at their numbers. What the zygote got from the server has numbers above these, since
 * 0 to 3 are always open in it. Without a pid namespace only a session of its own keeps others out
 * of the group, and without Landlock a script could write to /proc/self/autogroup, which counts for
 * the session. With both it stays in the zygote's: where the kernel shares the processors among
 * sessions (sched(7), autogroup), each script would weigh as much as the server. */
static int enter_session(const struct slot *slot) {
    sigset_t none;
    sigemptyset(&none);
    const bool stays = slot->sandbox->plan.pid_namespace && slot->sandbox->plan.landlock_abi > 0;
    if ((stays ? setpgid(0, 0) : setsid()) < 0 || sigprocmask(SIG_SETMASK, &none, NULL) < 0)
        return -errno;
    /* Opened anew each time: flags of a description that all workers share would go from one to the
     * next. */
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0 || dup2(null, 0) < 0 || dup2(slot->stdout_fd, 1) < 0 ||
        dup2(slot->stderr_fd, 2) < 0 || dup2(slot->channel, WORKER_CHANNEL_FD) < 0)
        return -errno;
    return 0;
}

static int enter_namespaces(const struct slot *slot) {
    const struct plan *plan = &slot->sandbox->plan;
    int r = slot_namespaces_enter(&slot->namespaces);
    if (r < 0)
        return r;
    /* After the cgroup was joined, which becomes the root that it sees. */
    if (plan->worker_namespaces && unshare(plan->worker_namespaces) < 0)
        return -errno;
    return (plan->worker_namespaces & CLONE_NEWUTS) && plan->host_name &&
                   sethostname("sandbox", 7) < 0
               ? -errno
               : 0;
}

static int enter_mounts(const struct slot *slot) {
    const struct plan *plan = &slot->sandbox->plan;
    if (plan->private_root)
        return mounts_enter(slot->scratch_options, plan->proc);
    /* What a script makes where others may write is its own: seccomp keeps it so. */
    umask(077);
    return 0;
}

/* The pid is known only now. The program is this process's own copy. With the zygote's part, which
 * is inherited, it is the whole policy. */
static int enter_seccomp(const struct sandbox *sandbox) {
    struct seccomp_program program = sandbox->worker_filter;
    if (plan_kill_filter(&sandbox->plan))
        seccomp_program_set_pid(&program, (pid_t)syscall(SYS_getpid));
    return seccomp_program_load(&program);
}

/* The script waits no longer than others do, unless it has to. */
static int enter_order(const struct sandbox *sandbox) {
    int r = sandbox->is_patient ? urgency_reset() : 0;
    if (r == 0 && sandbox->plan.yields && sandbox->plan.cgroup_version == 0)
        r = rlimits_yield();
    return r;
}

static int close_descriptors(void) {
    if (syscall(SYS_close_range, WORKER_CHANNEL_FD + 1, INT_MAX, 0) == 0)
        return 0;
    if (errno != ENOSYS)
        return -errno;
    for (int fd = WORKER_CHANNEL_FD + 1; fd < 65536; fd++)
        close(fd);
    return 0;
}

static int forbid_privileges(void) {
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? -errno : 0;
}

/* For --trace: the time of each stage, counted from the end of the one before. In this process's
 * own copy of memory. */
static struct stage_trace trace;
static int64_t stage_began_us;

int64_t worker_now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void stage_done(const struct sandbox *sandbox, enum sandbox_stage stage) {
    if (!sandbox->config->trace)
        return;
    int64_t now_us = worker_now_us();
    trace.us[stage] += (uint32_t)(now_us - stage_began_us);
    stage_began_us = now_us;
}

static void report_trace(void) {
    struct frame_header header = {.type = FRAME_TRACE, .size = sizeof(trace)};
    struct iovec parts[] = {{&header, sizeof(header)}, {&trace, sizeof(trace)}};
    raw_syscall(SYS_writev, WORKER_CHANNEL_FD, (long)parts, 2, 0);
}

/* Runs the steps up to the script. Returns the stage that failed with its -errno in *ret_error, or
 * STAGE_NONE. */
static enum sandbox_stage isolate(const struct slot *slot, int *ret_error) {
    const struct sandbox *sandbox = slot->sandbox;
    if ((*ret_error = enter_session(slot)) < 0)
        return STAGE_SESSION;
    stage_done(sandbox, STAGE_SESSION);
    if ((*ret_error = rlimits_apply(slot)) < 0)
        return STAGE_LIMITS;
    stage_done(sandbox, STAGE_LIMITS);
    if ((*ret_error = cgroup_slot_join(&slot->cgroup)) < 0)
        return STAGE_CGROUP;
    stage_done(sandbox, STAGE_CGROUP);
    if ((*ret_error = enter_namespaces(slot)) < 0)
        return STAGE_NAMESPACES;
    stage_done(sandbox, STAGE_NAMESPACES);
    if ((*ret_error = enter_mounts(slot)) < 0)
        return STAGE_MOUNTS;
    stage_done(sandbox, STAGE_MOUNTS);
    if ((*ret_error = identity_drop(slot->uid, &sandbox->plan)) < 0)
        return STAGE_IDENTITY;
    stage_done(sandbox, STAGE_IDENTITY);
    if ((*ret_error = places_furnish(slot, sandbox->font_list)) < 0)
        return STAGE_MOUNTS;
    stage_done(sandbox, STAGE_MOUNTS);
    if ((*ret_error = close_descriptors()) < 0)
        return STAGE_DESCRIPTORS;
    stage_done(sandbox, STAGE_DESCRIPTORS);
    if ((*ret_error = forbid_privileges()) < 0)
        return STAGE_IDENTITY;
    stage_done(sandbox, STAGE_IDENTITY);
    if (sandbox->plan.landlock_abi > 0 && (*ret_error = reach_restrict(slot)) < 0)
        return STAGE_LANDLOCK;
    stage_done(sandbox, STAGE_LANDLOCK);
    if ((*ret_error = enter_seccomp(sandbox)) < 0)
        return STAGE_SECCOMP;
    stage_done(sandbox, STAGE_SECCOMP);
    return STAGE_NONE;
}

/* Returns only if it failed: the stage, with its -errno in *ret_error. */
static enum sandbox_stage become_interpreter(const struct slot *slot, int *ret_error) {
    const struct sandbox *sandbox = slot->sandbox;
    const bool warm = sandbox->config->start == START_WARM;
    if (warm) {
        if ((*ret_error = fork_state_renew(&sandbox->fork_state)) < 0)
            return STAGE_INTERPRETER;
        hot_pages_populate(&sandbox->hot_pages);
        python_warm_rehearse(slot);
    }
    if ((*ret_error = enter_order(sandbox)) < 0)
        return STAGE_LIMITS;
    if (warm)
        python_warm_serve(slot);
    *ret_error = python_exec(slot);
    return STAGE_INTERPRETER;
}

_Noreturn void worker_main(struct slot *slot) {
    int error = 0;
    stage_began_us = slot->spawned_us;
    stage_done(slot->sandbox, STAGE_SPAWN);
    if (slot->sandbox->is_patient && slot->ahead)
        urgency_wait();
    enum sandbox_stage stage = isolate(slot, &error);
    if (stage == STAGE_NONE) {
        if (slot->sandbox->config->trace)
            report_trace();
        stage = become_interpreter(slot, &error);
    }
    /* Early steps fail before the channel is at its number; its first number is closed by the later
     * ones. */
    worker_report_failure(stage == STAGE_SESSION ? slot->channel : WORKER_CHANNEL_FD, stage,
                          -error);
    _exit(1);
}
