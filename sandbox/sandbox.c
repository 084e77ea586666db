/* sandbox: the order in which things are prepared; each is in the file of its mechanism. */
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mounts.h"
#include "python.h"
#include "python_warm.h"
#include "yield.h"

#define WORKER_STACK_BYTES (8UL << 20)

/* What a python3 maps once it has imported all libraries (900 MB), rounded up. */
#define COLD_ADDRESS_SPACE_BYTES (1ULL << 30)

static int say(char *error, size_t size, int r, const char *what) {
    snprintf(error, size, "cannot prepare %s: %s%s", what, strerror(-r),
             r == -EMFILE ? ": fewer --slots or --pool, or a higher limit (ulimit -n)" : "");
    return r;
}

static int make_worker_stack(struct sandbox *sandbox) {
    char *memory = mmap(NULL, WORKER_STACK_BYTES, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (memory == MAP_FAILED)
        return -errno;
    sandbox->worker_stack_top = memory + WORKER_STACK_BYTES;
    return 0;
}

/* Whether a process can be put into a slot's cgroup with its limits here. */
static int try_cgroup(const struct sandbox *sandbox) {
    const struct cgroup_limits limits = {.memory_bytes = sandbox->config->memory_mb << 20,
                                         .processes = sandbox->config->processes,
                                         .cpu_percent = 100};
    struct cgroup_slot slot;
    int status, r = cgroup_slot_create(&sandbox->cgroups, 0, &limits, &slot);
    if (r < 0)
        return r;
    pid_t pid = fork();
    if (pid == 0)
        _exit(cgroup_slot_join(&slot) < 0);
    if (pid < 0 || waitpid(pid, &status, 0) < 0)
        r = -errno;
    else if (status != 0)
        r = -EPERM;
    cgroup_slot_close(&slot);
    return r;
}

/* Before a user namespace, in which the directories are no longer ours. Where there is none the
 * watchdog stands for it; but if another zygote has it, that has the users of this one, too. */
static int find_cgroup(struct sandbox *sandbox, char *error, size_t error_size) {
    char name[48];
    sandbox->cgroups = CGROUP_TREE_NONE;
    snprintf(name, sizeof(name), "code-runner-%u", sandbox_first_uid(sandbox->config));
    if (sandbox->config->without & (UINT64_C(1) << LAYER_CGROUP))
        return 0;
    int r = cgroup_tree_create(&sandbox->cgroups, name);
    if (r < 0) {
        snprintf(error, error_size,
                 "the cgroup %s is in use by another service on the same users, or by one that has "
                 "not ended: wait for that, or choose another --uid-base",
                 name);
        return r;
    }
    if (sandbox->cgroups.version > 0 && try_cgroup(sandbox) < 0) {
        cgroup_tree_remove(&sandbox->cgroups, 1);
        sandbox->cgroups = CGROUP_TREE_NONE;
    }
    return 0;
}

static int make_slots(struct sandbox *sandbox) {
    unsigned count = config_total_slots(sandbox->config);
    int reserved = slots_reserve(count, &sandbox->slots);
    if (reserved < 0)
        return reserved;
    for (; sandbox->slot_count < count; sandbox->slot_count++) {
        int r = slot_create(&sandbox->slots[sandbox->slot_count], sandbox, sandbox->slot_count);
        if (r < 0)
            return r;
    }
    /* Out of the last slot's; and the zygote has no use for a network either. */
    int flags = sandbox->plan.slot_namespaces;
    if (sandbox->plan.network != NETWORK_OUTSIDE)
        flags |= CLONE_NEWNET;
    return flags && unshare(flags) < 0 ? -errno : 0;
}

static int make_filter(struct sandbox *sandbox) {
    const struct plan *plan = &sandbox->plan;
    const struct seccomp_options options = {.unix_sockets = plan_unix_sockets(plan),
                                            /* the watchdog does not see what it holds */
                                            .memfd = plan->cgroup_version > 0,
                                            .keeper = !plan->pid_namespace,
                                            .shared_uid = plan_kill_filter(plan),
                                            .keep_private = !plan->private_root,
                                            .shared_files =
                                                !plan->private_root && !plan->unique_uid,
                                            .loose_truncate = plan_loose_truncate(plan)};
    int r = seccomp_compile_zygote(&options, &sandbox->zygote_filter);
    return r < 0 ? r : seccomp_compile_worker(&options, &sandbox->worker_filter);
}

uid_t sandbox_first_uid(const struct config *config) {
    uint64_t range = config->generation % CONFIG_UID_RANGES;
    return (uid_t)(config->uid_base + 1 +
                   range * CONFIG_UIDS_PER_SLOT * config_total_slots(config));
}

uid_t sandbox_slot_uid(const struct sandbox *sandbox, unsigned index) {
    if (sandbox->plan.unique_uid)
        return sandbox_first_uid(sandbox->config) + index;
    return geteuid();
}

uid_t sandbox_keeper_uid(const struct sandbox *sandbox, unsigned index) {
    return sandbox_first_uid(sandbox->config) + config_total_slots(sandbox->config) + index;
}

static int find_plan(struct sandbox *sandbox, char *error, size_t error_size) {
    int r = find_cgroup(sandbox, error, error_size);
    if (r == 0)
        r = plan_probe(sandbox->config, &sandbox->plan, error, error_size);
    if (r < 0)
        return r;
    sandbox->plan.cgroup_version = sandbox->cgroups.version;
    return plan_check(&sandbox->plan, sandbox->config, error, error_size);
}

/* The environment that scripts will find, but for the interpreter. */
static int make_surroundings(struct sandbox *sandbox, char *error, size_t error_size) {
    const struct plan *plan = &sandbox->plan;
    const char *what = "a user namespace";
    int r = user_namespace_enter(plan->user_namespace, sandbox_first_uid(sandbox->config));
    if (r == 0) {
        what = "slots";
        r = make_slots(sandbox);
    }
    if (r == 0) {
        what = "the system call filter";
        r = make_filter(sandbox);
    }
    if (r == 0) {
        what = "memory and descriptors";
        r = pipe2(sandbox->lifeline, O_CLOEXEC) < 0 ? -errno : make_worker_stack(sandbox);
    }
    sandbox->proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    sandbox->proc_self_fd = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (r == 0 && plan->private_root)
        r = mounts_prepare(sandbox_slot_uid(sandbox, 0), sandbox->slot_count, &what);
    if (r == 0)
        r = places_make(plan, sandbox->config, &sandbox->places, &what);
    for (unsigned i = 0; r == 0 && i < sandbox->slot_count; i++) {
        what = "scratch space";
        r = slot_make_scratch(&sandbox->slots[i]);
    }
    return r < 0 ? say(error, error_size, r, what) : 0;
}

/* Of this process; 0 where /proc does not tell. */
static uint64_t own_address_space(const struct sandbox *sandbox) {
    char text[64] = "";
    int fd = openat(sandbox->proc_self_fd, "statm", O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (fd >= 0)
        close(fd);
    return size > 0 ? strtoull(text, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

static int make_interpreter(struct sandbox *sandbox, char *error, size_t error_size) {
    const struct config *config = sandbox->config;
    const char *what;
    if (config->generation > 1) /* as a rule another one serves meanwhile */
        yield_begin();
    snprintf(sandbox->output_limit, sizeof(sandbox->output_limit), "CODE_RUNNER_OUTPUT_BYTES=%llu",
             (unsigned long long)config->output_mb << 20);
    int r = python_prepare(sandbox, &what);
    if (r < 0)
        return say(error, error_size, r, what);
    if (config->start == START_COLD) {
        sandbox->address_space_bytes = COLD_ADDRESS_SPACE_BYTES;
        return 0;
    }
    if ((r = python_warm_load(sandbox, error, error_size)) < 0)
        return r;
    sandbox->address_space_bytes = own_address_space(sandbox);
    r = python_find_font_list(sandbox);
    if (r < 0 && r != -ENOENT) /* none: matplotlib was not asked for */
        return say(error, error_size, r, "matplotlib's font list");
    return 0;
}

int sandbox_prepare(struct sandbox *sandbox, const struct config *config, char *error,
                    size_t error_size) {
    memset(sandbox, 0, sizeof(*sandbox));
    sandbox->config = config;
    sandbox->places.lock = -1;
    int r = find_plan(sandbox, error, error_size);
    if (r == 0)
        r = make_surroundings(sandbox, error, error_size);
    if (r == 0)
        r = make_interpreter(sandbox, error, error_size);
    cgroup_tree_sweep(&sandbox->cgroups);
    if (r == 0 && sandbox->plan.private_root && (r = mounts_seal()) < 0)
        say(error, error_size, r, "a read-only root");
    return r;
}

void sandbox_remove(struct sandbox *sandbox) {
    cgroup_tree_sweep(&sandbox->cgroups);
    if (sandbox->cgroups.version > 0)
        /* And the one on which it failed, if it did. */
        cgroup_tree_remove(&sandbox->cgroups, sandbox->slot_count + 1);
    places_remove(&sandbox->places);
}
