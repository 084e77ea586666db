/*
 * rlimits: the rlimits of a worker, as a table. The memory of a script is held by its cgroup; the
 * address space is bounded so that an absurd request fails at once as a MemoryError instead of
 * being killed later.
 */
#include "rlimits.h"

#include <errno.h>
#include <sys/resource.h>

#define GIB (1024ULL * 1024 * 1024)
#define MIB (1024ULL * 1024)

int rlimits_apply(const struct config *config) {
    /* Threads reserve address space that they never use (8 MiB of stack, 64 MiB of arena each), and
     * a BLAS hangs instead of failing where it cannot reserve: so never less than 4 GiB. */
    uint64_t address_space = 4 * GIB;
    if (address_space < config->memory_mb * MIB * 4)
        address_space = config->memory_mb * MIB * 4;
    const struct {
        int resource;
        uint64_t value;
    } table[] = {
        {RLIMIT_AS, address_space},
        {RLIMIT_FSIZE, config->file_mb * MIB},
        {RLIMIT_NPROC, config->processes}, /* counts threads; not enforced for uid 0 */
        {RLIMIT_NOFILE, 512},
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
        if (setrlimit((__rlimit_resource_t)table[i].resource, &limit) < 0)
            return -errno;
    }
    return 0;
}
