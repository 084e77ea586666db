/*
 * sweep_fixture: a new directory for each test of sweep, with an owner for what is put there: as
 * root another uid, so that owners differ. Include cmocka.h before.
 */
#ifndef SWEEP_FIXTURE_H
#define SWEEP_FIXTURE_H

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sweep.h"

#define MANY 1000000

struct fixture {
    char path[64];
    int fd;
    uid_t owner;
};

static int setup(void **state) {
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    assert_non_null(fixture);
    strcpy(fixture->path, "/tmp/test_sweep.XXXXXX");
    assert_non_null(mkdtemp(fixture->path));
    fixture->fd = open(fixture->path, O_RDONLY | O_DIRECTORY);
    assert_true(fixture->fd >= 0);
    fixture->owner = geteuid() == 0 ? 23456 : geteuid();
    *state = fixture;
    return 0;
}

static int teardown(void **state) {
    struct fixture *fixture = *state;
    sweep_remove(fixture->path, fixture->owner);
    sweep_remove(fixture->path, geteuid());
    close(fixture->fd);
    int r = rmdir(fixture->path);
    free(fixture);
    return r;
}

static void give(int dir, const char *name, uid_t owner) {
    assert_int_equal(fchownat(dir, name, owner, (gid_t)-1, AT_SYMLINK_NOFOLLOW), 0);
}

static void make_directory(int dir, const char *name, uid_t owner) {
    assert_int_equal(mkdirat(dir, name, 0700), 0);
    give(dir, name, owner);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

#endif
