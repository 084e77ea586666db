/*
 * Counting and removing what a run left: every kind of entry, files with many names, and what is no
 * directory.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "sweep.h"
#include "sweep_entries.h"

static void make_socket(const struct fixture *fixture, const char *name) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", fixture->path, name);
    assert_int_equal(bind(fd, (void *)&address, sizeof(address)), 0);
    close(fd);
    give(fixture->fd, name, fixture->owner);
}

static void test_every_kind_is_counted_and_removed(void **state) {
    struct fixture *fixture = *state;
    const uid_t owner = fixture->owner;
    char outside[] = "/tmp/test_sweep_outside.XXXXXX", name[256];
    assert_non_null(mkdtemp(outside));
    int kept = open(outside, O_RDONLY | O_DIRECTORY);
    make_file(kept, "kept", 0, owner);
    memset(name, 'n', 255);
    name[255] = '\0';

    make_file(fixture->fd, name, 0, owner);
    make_file(fixture->fd, "-", MIB, owner);
    assert_int_equal(mkfifoat(fixture->fd, "fifo", 0600), 0);
    give(fixture->fd, "fifo", owner);
    make_socket(fixture, "socket");
    assert_int_equal(symlinkat(outside, fixture->fd, "link"), 0);
    give(fixture->fd, "link", owner);
    assert_int_equal(symlinkat("nowhere", fixture->fd, "dangling"), 0);
    give(fixture->fd, "dangling", owner);
    int inner = make_full(fixture->fd, "...", owner);
    assert_int_equal(symlinkat(outside, inner, "link"), 0);
    give(inner, "link", owner);
    close(inner);

    struct sweep_total total = count(fixture, MANY);
    assert_int_equal(total.inodes, 9);
    assert_in_range(total.bytes, MIB, MIB + 64 * 1024);
    assert_int_equal(count(fixture, 9).inodes, 9);
    assert_int_equal(count(fixture, 8).inodes, 9);
    assert_int_equal(count(fixture, 3).inodes, 4);

    /* of nobody else */
    total = (struct sweep_total){.bytes = 5, .inodes = 7};
    assert_int_equal(sweep_count(fixture->path, owner + 1, MANY, &total), 0);
    assert_true(total.bytes == 5 && total.inodes == 7);
    assert_int_equal(sweep_remove(fixture->path, owner + 1), 0);
    assert_left(fixture, 9);

    errno = 77;
    assert_int_equal(sweep_remove(fixture->path, owner), 0);
    assert_int_equal(errno, 77);
    assert_left(fixture, 0);
    assert_true(exists(kept, "kept"));
    assert_int_equal(unlinkat(kept, "kept", 0), 0);
    close(kept);
    assert_int_equal(rmdir(outside), 0);
}

static void test_names_of_one_file_share_its_size(void **state) {
    struct fixture *fixture = *state;
    char name[16];
    make_file(fixture->fd, "file", MIB, fixture->owner);
    for (int i = 0; i < 7; i++) {
        snprintf(name, sizeof(name), "name%d", i);
        assert_int_equal(linkat(fixture->fd, "file", fixture->fd, name, 0), 0);
    }
    struct sweep_total total = count(fixture, MANY);
    assert_int_equal(total.inodes, 8);
    assert_in_range(total.bytes, MIB, MIB + 8192);
}

static void test_directory_itself(void **state) {
    struct fixture *fixture = *state;
    char path[128];
    struct sweep_total total = {.bytes = 1, .inodes = 2};
    errno = 77;
    assert_int_equal(sweep_remove("/nowhere", 1), -ENOENT);
    assert_int_equal(sweep_count("/nowhere", 1, MANY, &total), -ENOENT);
    assert_int_equal(errno, 77);
    assert_true(total.bytes == 1 && total.inodes == 2);
    /* is not followed if it is a link */
    close(make_full(fixture->fd, "target", fixture->owner));
    assert_int_equal(symlinkat("target", fixture->fd, "link"), 0);
    give(fixture->fd, "link", fixture->owner);
    snprintf(path, sizeof(path), "%s/link", fixture->path);
    assert_int_equal(sweep_remove(path, fixture->owner), -ENOTDIR);
    assert_int_equal(sweep_count(path, fixture->owner, MANY, &total), -ENOTDIR);
    assert_left(fixture, 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_every_kind_is_counted_and_removed),
        CASE(test_names_of_one_file_share_its_size),
        CASE(test_directory_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
