/*
 * config_machine: settings that follow from the machine: slots from processors and the container's
 * memory, workers that wait, the range of uids. Reads /proc and the cgroup files; never fails,
 * falls back to the host's numbers.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>

#include "config.h"
#include "free_uids.h"

/* What the service itself needs beside its scripts, MiB: the server, and the loaded interpreter
 * that all warm workers share. */
#define BASE_COLD_MB 60
#define BASE_WARM_MB 200
/* What another interpreter needs while it loads and is made cheap to fork, MiB: replacing the
 * zygote while it works takes room for two. */
#define NEXT_ZYGOTE_MB 368
#define POOL_MOST 16
#define POOL_FEW 4

/* What a zygote has open: for each slot, where all layers hold, 11 (namespaces and cgroup files),
 * and 15 else; with room for a few more. */
#define ZYGOTE_SLOT_DESCRIPTORS 12
#define ZYGOTE_OTHER_DESCRIPTORS 32

/* What the server holds of all requests, and of all answers, MiB. */
#define REQUESTS_MOST_MB 160u
#define ANSWERS_MOST_MB 256u

/* Below are the system's own users, at the end is nobody. */
#define FIRST_UID 1000u
#define UIDS_END 65534u

/* The smallest number in the file, UINT64_MAX if it has none ("max", missing). */
static uint64_t read_limit(const char *path) {
    FILE *file = fopen(path, "re");
    unsigned long long value = 0;
    int fields = file ? fscanf(file, "%llu", &value) : 0;
    if (file)
        fclose(file);
    return fields == 1 ? value : UINT64_MAX;
}

/* The limit of this process's memory cgroup: where it is mounted in a container (its own cgroup is
 * the root there), and at its path as a host shows it. cgroups(7), /proc/PID/cgroup. */
static uint64_t cgroup_memory_limit_bytes(void) {
    uint64_t limit = read_limit("/sys/fs/cgroup/memory.max"), other;
    other = read_limit("/sys/fs/cgroup/memory/memory.limit_in_bytes");
    limit = other < limit ? other : limit;
    FILE *file = fopen("/proc/self/cgroup", "re");
    char line[512], path[768];
    while (file && fgets(line, sizeof(line), file)) {
        line[strcspn(line, "\n")] = 0;
        char *group = strrchr(line, ':');
        if (!group)
            continue;
        if (strncmp(line, "0::", 3) == 0)
            snprintf(path, sizeof(path), "/sys/fs/cgroup%s/memory.max", group + 1);
        else if (strstr(line, ":memory:"))
            snprintf(path, sizeof(path), "/sys/fs/cgroup/memory%s/memory.limit_in_bytes",
                     group + 1);
        else
            continue;
        other = read_limit(path);
        limit = other < limit ? other : limit;
    }
    if (file)
        fclose(file);
    return limit;
}

static uint64_t machine_memory_bytes(void) {
    struct sysinfo info;
    uint64_t host = sysinfo(&info) == 0 ? (uint64_t)info.totalram * info.mem_unit : UINT64_MAX;
    uint64_t limit = cgroup_memory_limit_bytes();
    return limit < host ? limit : host;
}

static uint64_t base_memory_mb(const struct config *config) {
    return config->start == START_WARM ? BASE_WARM_MB : BASE_COLD_MB;
}

bool config_has_room(const struct config *config, uint64_t mb) {
    uint64_t used_mb = base_memory_mb(config) + config->slots * config->memory_mb;
    return machine_memory_bytes() >> 20 >= used_mb + mb;
}

unsigned config_processors(void) {
    cpu_set_t set;
    return sched_getaffinity(0, sizeof(set), &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
}

static uint64_t default_slots(const struct config *config) {
    uint64_t memory_mb = machine_memory_bytes() >> 20, base_mb = base_memory_mb(config);
    uint64_t fit = memory_mb > base_mb ? (memory_mb - base_mb) / config->memory_mb : 0;
    uint64_t slots = 2 * (uint64_t)config_processors();
    slots = slots < fit ? slots : fit;
    return slots < 1 ? 1 : slots > 256 ? 256 : slots;
}

/* Whether a zygote needs no more than half of what a process may open: the server, which may open
 * as many, has pipes of the same slots, and connections. The soft limit is raised before it counts.
 * getrlimit(2). */
static bool has_descriptors(const struct config *config) {
    struct rlimit limit;
    const uint64_t needed =
        ZYGOTE_SLOT_DESCRIPTORS * config_total_slots(config) + ZYGOTE_OTHER_DESCRIPTORS;
    return getrlimit(RLIMIT_NOFILE, &limit) < 0 || needed <= limit.rlim_max / 2;
}

/* Enough that requests which come at random seldom find none: making one takes longer than a short
 * script. Forks of a loaded interpreter cost little memory; an interpreter each does. */
static void choose_pool(struct config *config) {
    const uint64_t pool = config->start == START_WARM ? 4 * config->slots : POOL_FEW;
    config->pool = pool < POOL_MOST ? pool : POOL_MOST;
    if (config->pool > POOL_FEW && !has_descriptors(config))
        config->pool = POOL_FEW;
}

unsigned config_total_slots(const struct config *config) {
    /* A slot that is being cleared away is not free yet: as many more keep the next runs from
     * waiting for it. */
    return (unsigned)(2 * config->slots + config->pool + 1);
}

static uint64_t within(uint64_t value, uint64_t least, uint64_t most) {
    value = value < most ? value : most;
    return value > least ? value : least;
}

/* A part of the memory, so that clients alone do not fill a small container; and never less than
 * one request and one answer of the largest size take. */
static void share_memory(struct config *config) {
    uint64_t memory_mb = machine_memory_bytes() >> 20;
    config->requests_mb =
        within(memory_mb / 12, ((3 * config->input_mb + 2) * 5 + 3) / 4, REQUESTS_MOST_MB);
    config->answers_mb = within(memory_mb / 10, 4 * config->output_mb, ANSWERS_MOST_MB);
}

/* The server's, and those of each slot's runs. */
static uint64_t uid_count(const struct config *config) {
    return config_total_slots(config) * CONFIG_UID_RANGES * CONFIG_UIDS_PER_SLOT + 1;
}

int config_check_uids(const struct config *config, char *error, size_t error_size) {
    uint64_t highest = UIDS_END - uid_count(config);
    if (config->uid_base >= FIRST_UID && config->uid_base <= highest)
        return 0;
    snprintf(error, error_size,
             "--uid-base: %llu is not 0 or from %u to %llu: %llu uids below %u are needed that are "
             "nobody else's",
             (unsigned long long)config->uid_base, FIRST_UID, (unsigned long long)highest,
             (unsigned long long)uid_count(config), UIDS_END);
    return -EINVAL;
}

void config_complete(struct config *config) {
    if (config->slots == 0)
        config->slots = default_slots(config);
    if (config->pool == CONFIG_POOL_UNSET)
        choose_pool(config);
    if (config->start == START_WARM && (config->renew_runs || config->renew_minutes) &&
        !config_has_room(config, NEXT_ZYGOTE_MB)) {
        config->renew_runs = config->renew_minutes = 0;
    }
    share_memory(config);
    if (config->uid_base == 0) {
        /* RLIMIT_NPROC counts a uid over all containers of a host, and those of others are not seen
         * here: at random, two of ours should not meet. All uids stay below 65536, the usual size
         * of a user namespace's map. */
        config->uid_base = free_uids_choose(20000, 65000, (uint32_t)uid_count(config));
    }
}
