/*
 * plan_probe: finds the plan by trying. An attempt is a child that does what a zygote would do;
 * what it finds out it writes into memory shared with the parent. A step that cannot be undone is
 * tried in a child of the attempt first. Never asks for the kernel's version.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config.h"
#include "identity.h"
#include "landlock.h"
#include "mounts.h"
#include "places.h"
#include "plan.h"
#include "raw_syscall.h"
#include "rlimits.h"
#include "sandbox.h"
#include "slot_namespaces.h"

struct attempt {
    struct plan plan;
    bool done; /* the child came to its end */
};

struct trial {
    const struct config *config;
    struct plan *plan;
    int flag;
};

/* 0, or a positive errno; the exit status of a trial's child. */
typedef int trial_fn(const struct trial *trial);

static int in_child(trial_fn *fn, const struct trial *trial) {
    int status;
    pid_t pid = fork();
    if (pid == 0)
        _exit(fn(trial));
    if (pid < 0 || waitpid(pid, &status, 0) < 0)
        return errno;
    return WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
}

static bool works(trial_fn *fn, struct trial trial) {
    return in_child(fn, &trial) == 0;
}

static bool wanted(const struct config *config, enum sandbox_layer layer) {
    return !(config->without & (UINT64_C(1) << layer));
}

static int try_uid(const struct trial *trial) {
    return -identity_change(sandbox_first_uid(trial->config));
}

static int try_owner(const struct trial *trial) {
    return -places_try_owner(sandbox_first_uid(trial->config));
}

static int try_bounding_set(const struct trial *trial) {
    (void)trial;
    return -identity_empty_bounding_set();
}

static int try_unshare(const struct trial *trial) {
    return unshare(trial->flag) < 0 ? errno : 0;
}

static int try_host_name(const struct trial *trial) {
    (void)trial;
    return unshare(CLONE_NEWUTS) < 0 || sethostname("sandbox", 7) < 0 ? errno : 0;
}

static int try_root(const struct trial *trial) {
    const char *what;
    return -mounts_prepare(sandbox_first_uid(trial->config), 1, &what);
}

static int try_slot_namespace(const struct trial *trial) {
    struct slot_namespaces namespaces;
    int r = slot_namespaces_make(trial->flag, false, &namespaces);
    if (r == 0 && unshare(trial->flag) < 0)
        r = -errno;
    return -(r < 0 ? r : slot_namespaces_enter(&namespaces));
}

static void leave_at_once(void *argument) {
    (void)argument;
    for (;;)
        raw_syscall(SYS_exit_group, 0, 0, 0, 0);
}

/* As an init is made. */
static int try_pid_namespace(const struct trial *trial) {
    static _Alignas(16) char stack[16384];
    int status;
    (void)trial;
    long pid = raw_clone(CLONE_VM | CLONE_NEWPID | SIGCHLD, stack + sizeof(stack), NULL,
                         leave_at_once, NULL);
    if (pid < 0)
        return (int)-pid;
    return waitpid((pid_t)pid, &status, __WALL) == pid && WIFEXITED(status) ? 0 : EIO;
}

static int try_keeper(const struct trial *trial) {
    (void)trial;
    return prctl(PR_SET_CHILD_SUBREAPER, 1) < 0 ? errno : 0;
}

static int try_rlimit(const struct trial *trial) {
    return -rlimits_try(trial->flag);
}

static int try_yield(const struct trial *trial) {
    (void)trial;
    return -rlimits_yield();
}

static uint32_t find_missing_rlimits(struct trial trial) {
    uint32_t missing = 0;
    for (const int *resource = rlimits_optional; *resource >= 0; resource++) {
        trial.flag = *resource;
        if (!works(try_rlimit, trial))
            missing |= UINT32_C(1) << *resource;
    }
    return missing;
}

static int try_proc_inside(const struct trial *trial) {
    if (unshare(CLONE_NEWNS) < 0)
        return errno;
    return -mounts_proc((enum plan_proc)trial->flag);
}

/* In the root that was prepared, as the first process of a pid namespace. */
static int try_proc(const struct trial *trial) {
    if (unshare(CLONE_NEWPID) < 0)
        return errno;
    return in_child(try_proc_inside, trial);
}

static enum plan_proc find_proc(struct trial trial) {
    if (!trial.plan->private_root)
        return PROC_OUTSIDE;
    for (enum plan_proc proc = PROC_SUBSET; trial.plan->pid_namespace && proc > PROC_NONE; proc--) {
        trial.flag = (int)proc;
        if (wanted(trial.config, LAYER_PRIVATE_PROC) && works(try_proc, trial))
            return proc;
    }
    return PROC_NONE;
}

static int those_that_work(trial_fn *fn, struct trial trial, int flags) {
    int found = 0;
    for (unsigned rest = (unsigned)flags; rest; rest &= rest - 1) {
        trial.flag = (int)(rest & -rest);
        if (works(fn, trial))
            found |= trial.flag;
    }
    return found;
}

static void find_namespaces(struct trial trial) {
    struct plan *plan = trial.plan;
    const int wanted_flags =
        wanted(trial.config, LAYER_NAMESPACES) ? CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP : 0;
    /* What a slot's cgroup namespace has as its root is known when its worker is in the cgroup. */
    plan->slot_namespaces |=
        those_that_work(try_slot_namespace, trial, wanted_flags & ~CLONE_NEWCGROUP);
    plan->worker_namespaces =
        those_that_work(try_unshare, trial, wanted_flags & ~plan->slot_namespaces);
    plan->host_name = (wanted_flags & CLONE_NEWUTS) && works(try_host_name, trial);
}

static void find_network(struct trial trial) {
    struct plan *plan = trial.plan;
    if (!wanted(trial.config, LAYER_NETWORK_NAMESPACE))
        return;
    plan->slot_namespaces |= those_that_work(try_slot_namespace, trial, CLONE_NEWNET);
    trial.flag = CLONE_NEWNET;
    if (plan->slot_namespaces & CLONE_NEWNET)
        plan->network = NETWORK_SLOT;
    else if (works(try_unshare, trial))
        plan->network = NETWORK_SHARED;
}

static void attempt_main(const struct config *config, struct attempt *attempt,
                         enum user_namespace kind) {
    struct plan plan = {.user_namespace = kind};
    struct trial trial = {.config = config, .plan = &plan};
    const char *what;
    prctl(PR_SET_DUMPABLE, 0);
    if (user_namespace_enter(kind, sandbox_first_uid(config)) < 0)
        return;
    plan.unique_uid =
        kind != USER_NAMESPACE_SINGLE && wanted(config, LAYER_UNIQUE_UID) && works(try_uid, trial);
    plan.bounding_set = works(try_bounding_set, trial);
    plan.yields = works(try_yield, trial);
    plan.missing_rlimits = find_missing_rlimits(trial);
    find_network(trial);
    find_namespaces(trial); /* before the root: it has no /proc */
    plan.pid_namespace = wanted(config, LAYER_NAMESPACES) && works(try_pid_namespace, trial);
    plan.keeper = works(try_keeper, trial);
    plan.private_root = wanted(config, LAYER_PRIVATE_ROOT) && works(try_root, trial) &&
                        mounts_prepare(sandbox_first_uid(config), 1, &what) == 0;
    if (plan.private_root)
        plan.worker_namespaces |= CLONE_NEWNS;
    else
        plan.unique_uid = plan.unique_uid && works(try_owner, trial);
    plan.proc = find_proc(trial);
    if (wanted(config, LAYER_LANDLOCK))
        plan.landlock_abi = landlock_abi();
    if (!wanted(config, LAYER_LANDLOCK_SCOPES) && plan.landlock_abi > 5)
        plan.landlock_abi = 5;
    attempt->plan = plan;
    attempt->done = true;
}

static unsigned worth(const struct attempt *attempt) {
    const struct plan *plan = &attempt->plan;
    if (!attempt->done)
        return 0;
    return 1u + (plan->private_root ? 16u : 0) + (plan->pid_namespace ? 8u : 0) +
           (plan->unique_uid ? 4u : 0) + (plan->network != NETWORK_OUTSIDE ? 2u : 0) +
           /* The most there is: no need to try the next. */
           (plan->proc == PROC_SUBSET ? 1u : 0);
}
#define WORTH_ALL 32u

/* The best of the three ways; without a user namespace where that is as good. */
static struct plan best_plan(const struct config *config, struct attempt *shared) {
    static const enum user_namespace kinds[] = {USER_NAMESPACE_NONE, USER_NAMESPACE_RANGE,
                                                USER_NAMESPACE_SINGLE};
    struct attempt best = {0};
    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]) && worth(&best) < WORTH_ALL; i++) {
        memset(shared, 0, sizeof(*shared));
        pid_t pid = fork();
        if (pid == 0) {
            attempt_main(config, shared, kinds[i]);
            _exit(0);
        }
        if (pid > 0)
            waitpid(pid, NULL, 0);
        if (worth(shared) > worth(&best))
            best = *shared;
    }
    return best.plan;
}

int plan_probe(const struct config *config, struct plan *ret_plan, char *error, size_t error_size) {
    struct attempt *shared =
        mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) {
        snprintf(error, error_size, "no memory to find out what holds here: %s", strerror(errno));
        return -errno;
    }
    *ret_plan = best_plan(config, shared);
    munmap(shared, sizeof(*shared));
    return 0;
}
