/* sandbox: the order in which things are prepared; each is in the file of its mechanism. */
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "landlock.h"
#include "mounts.h"
#include "python.h"
#include "python_warm.h"

#define WORKER_STACK_BYTES (8UL << 20)

static int say(char *error, size_t size, int r, const char *what) {
    snprintf(error, size, "cannot prepare %s: %s", what, strerror(-r));
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

static int make_slots(struct sandbox *sandbox) {
    const struct config *config = sandbox->config;
    unsigned count = config_total_slots(config);
    /* Apart from the heap: the loop writes here, and a page that is written makes forking its whole
     * mapping dear. */
    sandbox->slots = mmap(NULL, count * sizeof(*sandbox->slots), PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (sandbox->slots == MAP_FAILED)
        return -errno;
    for (; sandbox->slot_count < count; sandbox->slot_count++) {
        int r = slot_create(&sandbox->slots[sandbox->slot_count], sandbox, sandbox->slot_count,
                            &sandbox->cgroups, config);
        if (r < 0)
            return r;
    }
    /* The zygote has no use for a network either. */
    return unshare(CLONE_NEWNET) < 0 ? -errno : 0;
}

static int make_filter(struct sandbox *sandbox) {
    const struct seccomp_options options = {.unix_sockets = true, .memfd = true};
    return seccomp_compile(&options, &sandbox->filter);
}

uid_t sandbox_first_uid(const struct config *config) {
    uint64_t range = config->generation % CONFIG_UID_RANGES;
    return (uid_t)(config->uid_base + 1 + range * config_total_slots(config));
}

int sandbox_prepare(struct sandbox *sandbox, const struct config *config, char *error,
                    size_t error_size) {
    char name[48];
    const char *what;
    memset(sandbox, 0, sizeof(*sandbox));
    sandbox->config = config;
    sandbox->landlock_abi = landlock_abi();
    snprintf(name, sizeof(name), "code-runner-%u", sandbox_first_uid(config));
    int r = cgroup_tree_create(&sandbox->cgroups, name);
    if (r == 0 && sandbox->cgroups.version == 0)
        r = -ENOSYS; /* nothing else holds a script's memory yet */
    if (r < 0)
        return say(error, error_size, r,
                   "a cgroup with memory, pids and cpu (it needs root on a host, or docker run "
                   "--privileged)");
    if ((r = make_slots(sandbox)) < 0)
        return say(error, error_size, r, "cgroups and network namespaces (root is needed)");
    if ((r = make_filter(sandbox)) < 0)
        return say(error, error_size, r, "the system call filter");
    if (pipe2(sandbox->lifeline, O_CLOEXEC) < 0 || (r = make_worker_stack(sandbox)) < 0)
        return say(error, error_size, r < 0 ? r : -errno, "memory and descriptors");
    sandbox->proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    sandbox->proc_self_fd = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    r = mounts_prepare(sandbox_first_uid(config), sandbox->slot_count, &what);
    if (r < 0)
        return say(error, error_size, r, what);
    snprintf(sandbox->output_limit, sizeof(sandbox->output_limit), "CODE_RUNNER_OUTPUT_BYTES=%llu",
             (unsigned long long)config->output_mb << 20);
    if ((r = python_prepare(sandbox, &what)) < 0)
        return say(error, error_size, r, what);
    if (config->start == START_WARM) {
        if ((r = python_warm_load(sandbox, error, error_size)) < 0)
            return r;
        r = python_find_font_list(sandbox->font_list, sizeof(sandbox->font_list));
        if (r < 0 && r != -ENOENT) /* none: matplotlib was not asked for */
            return say(error, error_size, r, "matplotlib's font list");
    }
    r = mounts_seal();
    return r < 0 ? say(error, error_size, r, "a read-only root") : 0;
}

void sandbox_remove(struct sandbox *sandbox) {
    cgroup_tree_remove(&sandbox->cgroups, sandbox->slot_count);
}
