/*
 * sweep_entries: files and full directories, and how many entries are left of them. For what a test
 * puts into its directory (sweep_fixture.h).
 */
#ifndef SWEEP_ENTRIES_H
#define SWEEP_ENTRIES_H

#include <stdbool.h>
#include <stdint.h>

#include "sweep_fixture.h"

#define MIB (1 << 20)

static void make_file(int dir, const char *name, size_t size, uid_t owner) {
    static const char block[4096] = "text";
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_true(fd >= 0);
    for (size_t i = 0; i < size; i += sizeof(block))
        assert_int_equal(write(fd, block, sizeof(block)), sizeof(block));
    if (size > 0)
        assert_int_equal(fsync(fd), 0); /* else its blocks are not there yet */
    close(fd);
    give(dir, name, owner);
}

/* dir/name, made with a file in it. */
static int make_full(int dir, const char *name, uid_t owner) {
    make_directory(dir, name, owner);
    int fd = openat(dir, name, O_RDONLY | O_DIRECTORY);
    assert_true(fd >= 0);
    make_file(fd, "file", 0, owner);
    return fd;
}

static bool exists(int dir, const char *name) {
    return faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static struct sweep_total count(const struct fixture *fixture, uint64_t most) {
    struct sweep_total total = {0};
    assert_int_equal(sweep_count(fixture->path, fixture->owner, most, &total), 0);
    return total;
}

/* Whether so many entries of the owner are left. */
static void assert_left(const struct fixture *fixture, unsigned inodes) {
    assert_int_equal(count(fixture, MANY).inodes, inodes);
}

#endif
