/* cgroup_slot: one slot's cgroup, by descriptors: made, joined, read, killed. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cgroup.h"
#include "cgroup_files.h"

static int open_slot_files(const struct cgroup_tree *tree, const int dirs[CGROUP_KINDS],
                           struct cgroup_slot *slot) {
    bool v2 = tree->version == 2;
    /* A thread that moves itself by "tasks" does not take the lock that every fork and exit of the
     * machine shares, which costs milliseconds under load. Version 2 has no such file for a
     * process. */
    const char *joining = v2 ? "cgroup.procs" : "tasks";
    for (int kind = 0; kind < (v2 ? 1 : CGROUP_KINDS); kind++) {
        slot->procs_fds[kind] = openat(dirs[kind], joining, O_WRONLY | O_CLOEXEC);
        if (slot->procs_fds[kind] < 0)
            return -errno;
    }
    slot->directory_fd = fcntl(dirs[0], F_DUPFD_CLOEXEC, 0);
    if (slot->directory_fd < 0)
        return -errno;
    if (v2)
        slot->kill_fd = openat(dirs[0], "cgroup.kill", O_WRONLY | O_CLOEXEC);
    slot->limit_fd = openat(dirs[CGROUP_MEMORY], v2 ? "memory.max" : "memory.limit_in_bytes",
                            O_WRONLY | O_CLOEXEC);
    if (slot->limit_fd < 0)
        return -errno;
    if (!v2) {
        slot->swap_limit_fd =
            openat(dirs[CGROUP_MEMORY], "memory.memsw.limit_in_bytes", O_WRONLY | O_CLOEXEC);
        if (slot->swap_limit_fd < 0 && errno != ENOENT) /* swap accounting is off */
            return -errno;
    }
    slot->events_fd = openat(dirs[CGROUP_MEMORY], v2 ? "memory.events" : "memory.oom_control",
                             O_RDONLY | O_CLOEXEC);
    if (slot->events_fd < 0)
        return -errno;
    slot->peak_fd = openat(dirs[CGROUP_MEMORY], v2 ? "memory.peak" : "memory.max_usage_in_bytes",
                           O_RDWR | O_CLOEXEC);
    if (slot->peak_fd < 0) /* before 6.12 it can only be read, before 5.19 version 2 has none */
        slot->peak_fd = openat(dirs[CGROUP_MEMORY], "memory.peak", O_RDONLY | O_CLOEXEC);
    struct cgroup_usage ignored;
    return cgroup_slot_usage(slot, &ignored);
}

int cgroup_slot_create(const struct cgroup_tree *tree, unsigned index,
                       const struct cgroup_limits *limits, struct cgroup_slot *ret_slot) {
    struct cgroup_slot slot = {.procs_fds = {-1, -1, -1},
                               .directory_fd = -1,
                               .kill_fd = -1,
                               .limit_fd = -1,
                               .swap_limit_fd = -1,
                               .events_fd = -1,
                               .peak_fd = -1};
    int dirs[CGROUP_KINDS] = {-1, -1, -1}, r = 0;
    char name[32];
    snprintf(name, sizeof(name), "slot-%u", index);
    for (int kind = 0; kind < CGROUP_KINDS && r >= 0; kind++)
        if (tree->fds[kind] >= 0)
            r = dirs[kind] = cgroup_make_directory(tree->fds[kind], name);
    if (r >= 0 && tree->version == 2)
        r = cgroup_v2_write_limits(dirs[0], limits);
    else if (r >= 0 && tree->version == 1)
        r = cgroup_v1_write_limits(dirs, limits);
    if (r >= 0 && tree->version)
        r = open_slot_files(tree, dirs, &slot);
    for (int kind = 0; kind < CGROUP_KINDS; kind++)
        cgroup_close(&dirs[kind]);
    if (r < 0)
        return r;
    *ret_slot = slot;
    return 0;
}

int cgroup_slot_join(const struct cgroup_slot *slot) {
    for (int kind = 0; kind < CGROUP_KINDS; kind++)
        if (slot->procs_fds[kind] >= 0 && write(slot->procs_fds[kind], "0", 1) != 1)
            return -errno;
    return 0;
}

void cgroup_slot_close(struct cgroup_slot *slot) {
    for (int kind = 0; kind < CGROUP_KINDS; kind++)
        cgroup_close(&slot->procs_fds[kind]);
    cgroup_close(&slot->directory_fd);
    cgroup_close(&slot->kill_fd);
    cgroup_close(&slot->limit_fd);
    cgroup_close(&slot->swap_limit_fd);
    cgroup_close(&slot->events_fd);
    cgroup_close(&slot->peak_fd);
}

/* Opened anew each time: version 1 answers a second read by the same descriptor from a list of up
 * to a second ago. The text's size or -errno, -E2BIG if it does not fit. */
static ssize_t read_members(const struct cgroup_slot *slot, char *ret_text, size_t size) {
    int fd = openat(slot->directory_fd, "cgroup.procs", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    ssize_t r = read(fd, ret_text, size);
    r = r < 0 ? -errno : (size_t)r == size ? -E2BIG : r;
    close(fd);
    if (r >= 0)
        ret_text[r] = 0;
    return r;
}

static void signal_members(const char *text, int signal) {
    char *end;
    for (const char *line = text; *line; line = *end ? end + 1 : end) {
        long pid = strtol(line, &end, 10);
        if (pid > 1)
            kill((pid_t)pid, signal);
    }
}

static bool are_several(const char *text) {
    const char *end = strchr(text, '\n');
    return end && end[1];
}

int cgroup_slot_kill(const struct cgroup_slot *slot) {
    char before[4096] = "", now[4096] = "";
    if (slot->directory_fd < 0)
        return -ENOSYS;
    if (slot->kill_fd >= 0 && pwrite(slot->kill_fd, "1", 1, 0) == 1)
        return 0;
    /* A process with a SIGKILL pending makes no others: once the list stays the same, it is whole.
     */
    for (int round = 0; round < 16; round++) {
        ssize_t size = read_members(slot, now, sizeof(now));
        if (size < 0)
            return (int)size;
        if (strcmp(now, before) == 0)
            return 0;
        /* Stopped, none sees the pipes of another one closed and says so (linger.h). */
        if (are_several(now))
            signal_members(now, SIGSTOP);
        signal_members(now, SIGKILL);
        memcpy(before, now, sizeof(before));
    }
    return -EAGAIN;
}

int cgroup_slot_usage(struct cgroup_slot *slot, struct cgroup_usage *ret_usage) {
    struct cgroup_usage usage = {0};
    char text[512];
    if (slot->events_fd < 0) {
        *ret_usage = usage;
        return 0;
    }
    ssize_t size = pread(slot->events_fd, text, sizeof(text) - 1, 0);
    if (size < 0)
        return -errno;
    text[size] = 0;
    const char *count = strstr(text, "oom_kill ");
    uint64_t kills = count ? strtoull(count + strlen("oom_kill "), NULL, 10) : 0;
    usage.out_of_memory = kills != slot->oom_kills;
    slot->oom_kills = kills;
    size = slot->peak_fd < 0 ? 0 : pread(slot->peak_fd, text, sizeof(text) - 1, 0);
    if (size > 0) {
        text[size] = 0;
        usage.peak_bytes = strtoull(text, NULL, 10);
        if (pwrite(slot->peak_fd, "0", 1, 0) <
            0) /* cannot be set back: it would tell of runs before */
            usage.peak_bytes = 0;
    }
    *ret_usage = usage;
    return 0;
}
