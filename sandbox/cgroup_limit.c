/*
 * cgroup_limit: the memory limit of a slot that is set anew while it is in use. For the zygote's
 * loop: no allocation, no stdio.
 */
#include <errno.h>
#include <stdbool.h>
#include <unistd.h>

#include "cgroup.h"

static int write_number(int fd, uint64_t number) {
    char text[24], *digit = text + sizeof(text);
    do
        *--digit = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    const size_t size = (size_t)(text + sizeof(text) - digit);
    ssize_t written = pwrite(fd, digit, size, 0);
    return written < 0 ? -errno : (size_t)written == size ? 0 : -EIO;
}

int cgroup_slot_limit(const struct cgroup_slot *slot, uint64_t memory_bytes, bool lower) {
    if (slot->limit_fd < 0)
        return 0;
    /* Version 1: memory and swap together may never be less than memory. */
    const bool swap = slot->swap_limit_fd >= 0;
    int r = 0;
    if (swap && !lower)
        r = write_number(slot->swap_limit_fd, memory_bytes);
    if (r == 0)
        r = write_number(slot->limit_fd, memory_bytes);
    if (r == 0 && swap && lower)
        r = write_number(slot->swap_limit_fd, memory_bytes);
    return r;
}
