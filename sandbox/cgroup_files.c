/* cgroup_files: directories and files of cgroups, and which limit goes into which file of which
 * version. */
#include "cgroup_files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroup.h"

#define CPU_PERIOD_US 100000U

void cgroup_close(int *fd) {
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

int cgroup_make_directory(int parent, const char *name) {
    if (mkdirat(parent, name, 0755) < 0 && errno != EEXIST)
        return -errno;
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int cgroup_write(int dir, const char *name, const char *text) {
    int fd = openat(dir, name, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    ssize_t written = write(fd, text, strlen(text));
    int error = errno;
    close(fd);
    return written < 0 ? -error : 0;
}

static int write_number(int dir, const char *name, uint64_t number) {
    char text[32];
    snprintf(text, sizeof(text), "%" PRIu64, number);
    return cgroup_write(dir, name, text);
}

int cgroup_v2_write_limits(int dir, const struct cgroup_limits *limits) {
    char cpu[64];
    snprintf(cpu, sizeof(cpu), "%u %u", limits->cpu_percent * (CPU_PERIOD_US / 100), CPU_PERIOD_US);
    int r = write_number(dir, "memory.max", limits->memory_bytes);
    if (r == 0)
        r = cgroup_write(dir, "memory.swap.max", "0");
    if (r ==
        -ENOENT) /* a kernel without swap accounting has no such file, and then no swap to count */
        r = 0;
    /* A run that lost one process to its limit is over: let the kernel end all of it. */
    if (r == 0)
        r = cgroup_write(dir, "memory.oom.group", "1");
    if (r == 0)
        r = write_number(dir, "pids.max", limits->processes);
    return r == 0 ? cgroup_write(dir, "cpu.max", cpu) : r;
}

int cgroup_v1_write_limits(const int dirs[CGROUP_KINDS], const struct cgroup_limits *limits) {
    /* The order matters on a slot that is set again: memory+swap may never be below memory. */
    int r = write_number(dirs[CGROUP_MEMORY], "memory.limit_in_bytes", limits->memory_bytes);
    if (r == 0)
        r = write_number(dirs[CGROUP_MEMORY], "memory.memsw.limit_in_bytes", limits->memory_bytes);
    if (r == -ENOENT) /* swap accounting is off */
        r = 0;
    if (r == 0)
        r = write_number(dirs[CGROUP_PIDS], "pids.max", limits->processes);
    if (r == 0)
        r = write_number(dirs[CGROUP_CPU], "cpu.cfs_period_us", CPU_PERIOD_US);
    if (r == 0)
        r = write_number(dirs[CGROUP_CPU], "cpu.cfs_quota_us",
                         (uint64_t)limits->cpu_percent * (CPU_PERIOD_US / 100));
    return r;
}
