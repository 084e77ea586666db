/*
 * rlimits: the rlimits of a worker, as a table. The memory of a script is held by its cgroup; the
 * address space is bounded so that an absurd request fails at once as a MemoryError instead of
 * being killed later. Without a cgroup it bounds each process, and the watchdog all together.
 */
#include "rlimits.h"

#include <errno.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox.h"

#define GIB (1024ULL * 1024 * 1024)
#define MIB (1024ULL * 1024)

/* Of a uid that is not ours alone: the service's own, and other containers of the host. Not many
 * more, or a bomb would be larger than what ends it can get past. */
#define OTHER_PROCESSES 256

/* Of a worker that waits, its init with it: two, and as many while it is made or ended. */
#define WAITING_PROCESSES 4

/* Threads reserve address space that they never use: 8 MiB of stack, 64 MiB of arena each. */
#define THREADS_BYTES (256 * MIB)

static uint64_t address_space(const struct sandbox *sandbox) {
    uint64_t memory = sandbox->config->memory_mb * MIB;
    if (sandbox->plan.cgroup_version == 0)
        return sandbox->address_space_bytes + memory + THREADS_BYTES;
    /* A BLAS hangs instead of failing where it cannot reserve: so never less than 4 GiB. */
    return memory * 4 > 4 * GIB ? memory * 4 : 4 * GIB;
}

/* The kernel counts a uid's threads, wherever they are. */
static uint64_t processes(const struct sandbox *sandbox) {
    if (sandbox->plan.unique_uid)
        return sandbox->config->processes;
    const uint64_t waiting = sandbox->config->pool, others = sandbox->slot_count - waiting;
    return sandbox->config->processes * others + WAITING_PROCESSES * waiting + OTHER_PROCESSES;
}

int rlimits_apply(const struct slot *slot) {
    const struct sandbox *sandbox = slot->sandbox;
    const struct config *config = sandbox->config;
    const struct {
        int resource;
        uint64_t value;
    } table[] = {
        {RLIMIT_AS, address_space(sandbox)},
        {RLIMIT_FSIZE, config->file_mb * MIB},
        {RLIMIT_NPROC, processes(sandbox)}, /* not enforced for uid 0 */
        /* Open files without a name escape the count of a shared root's scratch space: their
         * number times the size of one is their bound. */
        {RLIMIT_NOFILE, sandbox->plan.private_root ? 512 : 128},
        {RLIMIT_STACK, 8 * MIB},
        {RLIMIT_CPU,
         config->timeout_s * 4 + 1}, /* the deadline is the server's; this is behind it */
        /* 0 does not stop a core_pattern that pipes to a program, 1 does: core(5). */
        {RLIMIT_CORE, 1},
        {RLIMIT_MEMLOCK, 64 * 1024},
        {RLIMIT_MSGQUEUE, 0},
        {RLIMIT_SIGPENDING, 256},
        {RLIMIT_NICE, 0},
        {RLIMIT_RTPRIO, 0},
    };
    for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct rlimit limit = {.rlim_cur = table[i].value, .rlim_max = table[i].value}, now;
        /* Without CAP_SYS_RESOURCE, what the operator set lower stays. */
        if (getrlimit((__rlimit_resource_t)table[i].resource, &now) == 0 &&
            now.rlim_max < limit.rlim_max)
            limit.rlim_cur = limit.rlim_max = now.rlim_max;
        if (setrlimit((__rlimit_resource_t)table[i].resource, &limit) < 0 &&
            !(sandbox->plan.missing_rlimits & UINT32_C(1) << table[i].resource))
            return -errno;
    }
    return 0;
}

int rlimits_yield(void) {
    const struct sched_param none = {0};
    return syscall(SYS_sched_setscheduler, 0, SCHED_IDLE, &none) < 0 ? -errno : 0;
}

const int rlimits_optional[] = {
    RLIMIT_CORE, RLIMIT_MEMLOCK, RLIMIT_MSGQUEUE, RLIMIT_SIGPENDING, RLIMIT_NICE, RLIMIT_RTPRIO,
    -1};

int rlimits_try(int resource) {
    struct rlimit limit;
    if (getrlimit((__rlimit_resource_t)resource, &limit) < 0)
        return -errno;
    limit.rlim_cur = limit.rlim_max = limit.rlim_max < 1 ? 0 : 1;
    return setrlimit((__rlimit_resource_t)resource, &limit) < 0 ? -errno : 0;
}
