/* snapshot: copies, maps over, seals. Between the first and the last mapping that is replaced
 * nothing may touch the heap or libc's own state: raw system calls only. */
#include "snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dormant.h"
#include "large_pages.h"
#include "raw_mmap.h"
#include "raw_syscall.h"

/* Above every address that mmap(2) gives without being asked for a higher one, on x86-64 (47 bits)
 * and arm64 (48): the file is sparse. */
#define IMAGE_BYTES (1UL << 48)

static int make_image(void) {
    int fd = memfd_create("zygote-image", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0)
        return -errno;
    if (ftruncate(fd, (off_t)IMAGE_BYTES) < 0) {
        int error = errno;
        close(fd);
        return -error;
    }
    return fd;
}

/* Whether code may be run from the image: a policy of the machine may forbid it. */
static bool can_run(int image) {
    const size_t size = (size_t)getpagesize();
    void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE, image, 0);
    if (page == MAP_FAILED)
        return false;
    bool can = mprotect(page, size, DORMANT_PROTECTION) == 0;
    munmap(page, size);
    return can;
}

static long copy_range(int image, const struct snapshot_range *range) {
    unsigned long at = range->start;
    while (at < range->end) {
        long n = raw_syscall(SYS_pwrite64, image, (long)at, (long)(range->end - at), (long)at);
        if (n <= 0)
            return n < 0 ? n : -EIO;
        at += (unsigned long)n;
    }
    return 0;
}

static int copy_all(int image, const struct snapshot_plan *plan, size_t *ret_bytes) {
    *ret_bytes = 0;
    for (size_t i = 0; i < plan->count; i++) {
        const struct snapshot_range *range = &plan->ranges[i];
        long r = range->action == SNAPSHOT_COPY ? copy_range(image, range) : 0;
        if (r < 0)
            return (int)r;
        *ret_bytes += range->action == SNAPSHOT_COPY ? range->end - range->start : 0;
    }
    return 0;
}

/* Neighbours with one protection become one mapping. */
static size_t run_end(const struct snapshot_plan *plan, size_t from) {
    const struct snapshot_range *first = &plan->ranges[from];
    size_t to = from;
    while (first->action == SNAPSHOT_COPY && to + 1 < plan->count) {
        const struct snapshot_range *last = &plan->ranges[to], *next = last + 1;
        if (next->action != SNAPSHOT_COPY || next->start != last->end ||
            next->protection != first->protection)
            break;
        to++;
    }
    return to;
}

/* What will be writable once it wakes is counted as that now: waking it cannot fail for want of
 * memory. All of the run is, or it would be several mappings. */
static long map_asleep(int image, const struct snapshot_range *range, unsigned long size) {
    long r = raw_mmap(range->start, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, image,
                      range->start);
    if (r < 0 && r > -4096)
        return r;
    return raw_syscall(SYS_mprotect, (long)range->start, (long)size, DORMANT_PROTECTION, 0);
}

static long replace_one(int image, const struct snapshot_range *range, unsigned long size) {
    switch (range->action) {
    case SNAPSHOT_COPY:
        if (range->protection == DORMANT_PROTECTION)
            return map_asleep(image, range, size);
        return raw_mmap(range->start, size, range->protection, MAP_PRIVATE | MAP_FIXED, image,
                        range->start);
    case SNAPSHOT_FRESH:
        return raw_mmap(range->start, size, range->protection,
                        MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS, -1, 0);
    default:
        return raw_syscall(SYS_mprotect, (long)range->start, (long)size, range->protection, 0);
    }
}

/* What was written between copying and mapping would be lost: in this function, nothing is but its
 * own stack, which is no part of the plan. */
static __attribute__((noinline)) size_t replace_all(int image, const struct snapshot_plan *plan) {
    size_t mappings = 0;
    for (size_t i = 0; i < plan->count; mappings++) {
        const struct snapshot_range *first = &plan->ranges[i];
        size_t last = run_end(plan, i);
        long r = replace_one(image, first, plan->ranges[last].end - first->start);
        if (r < 0 && r > -4096)
            raw_syscall(SYS_exit_group, 1, 0, 0, 0);
        i = last + 1;
    }
    return mappings;
}

int snapshot_take(int proc_self, struct snapshot_report *ret_report) {
    struct snapshot_plan plan;
    int image = make_image();
    if (image < 0)
        return image;
    if (!can_run(image))
        dormant_forget();
    int r = snapshot_plan_make(proc_self, &plan);
    if (r < 0) {
        close(image);
        return r;
    }
    size_t copied, large = 0, mappings = 0;
    r = copy_all(image, &plan, &copied);
    if (r == 0)
        large = large_pages_make(image, &plan);
    if (r == 0)
        mappings = replace_all(image, &plan);
    if (r == 0)
        dormant_sleeps();
    snapshot_plan_done(&plan);
    if (r == 0 &&
        fcntl(image, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0)
        abort(); /* an image that a worker could write is worse than none */
    close(image);
    if (r == 0)
        *ret_report = (struct snapshot_report){
            .copied_bytes = copied, .large_bytes = large * LARGE_PAGE_BYTES, .ranges = mappings};
    return r;
}

/* The number behind a name at the start of a line of status; -ENOENT if there is none. */
static long status_kb(int proc_self, const char *name) {
    char text[4096];
    int fd = openat(proc_self, "status", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    ssize_t size = read(fd, text, sizeof(text) - 1);
    close(fd);
    if (size <= 0)
        return -EIO;
    text[size] = 0;
    const char *line = strstr(text, name);
    return line ? strtol(line + strlen(name), NULL, 10) : -ENOENT;
}

long snapshot_anonymous_kb(int proc_self) {
    return status_kb(proc_self, "\nRssAnon:");
}

long snapshot_resident_kb(int proc_self) {
    return status_kb(proc_self, "\nVmRSS:");
}
