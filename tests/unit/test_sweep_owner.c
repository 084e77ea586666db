/*
 * Counting and removing as the owner of what a run left, whatever its modes; and what belongs to
 * others.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "sweep.h"
#include "sweep_entries.h"

/* Runs the body in a child, as the owner of the entries. */
static int as_owner(const struct fixture *fixture, int (*body)(const struct fixture *)) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(setresuid(fixture->owner, fixture->owner, fixture->owner) < 0 ? 100 : body(fixture));
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int remove_as_owner(const struct fixture *fixture) {
    return -sweep_remove(fixture->path, fixture->owner);
}

static int count_as_owner(const struct fixture *fixture) {
    struct sweep_total total = {0};
    if (sweep_count(fixture->path, fixture->owner, MANY, &total) < 0)
        return 101;
    return total.inodes == MANY + 1 ? 1 : total.inodes == 4 ? 0 : 102;
}

static void test_modes(void **state) {
    struct fixture *fixture = *state;
    static const struct {
        mode_t mode;
        bool closed; /* to a caller without rights: it could hide anything */
    } rows[] = {{0000, true}, {0100, true}, {0200, true},  {0300, true},
                {0400, true}, {0600, true}, {0500, false}, {0700, false}};
    assert_int_equal(fchown(fixture->fd, fixture->owner, (gid_t)-1), 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int first = make_full(fixture->fd, "first", fixture->owner);
        int second = make_full(first, "second", fixture->owner);
        assert_int_equal(fchmod(second, rows[i].mode), 0);
        assert_int_equal(fchmod(first, rows[i].mode), 0);
        close(first);
        close(second);
        assert_int_equal(as_owner(fixture, count_as_owner), rows[i].closed);
        assert_int_equal(as_owner(fixture, remove_as_owner), 0);
        assert_left(fixture, 0);
    }
}

static void test_others_are_left_alone(void **state) {
    struct fixture *fixture = *state;
    if (geteuid() != 0)
        return; /* nobody else's can be made: the other tests sweep for another uid */
    int theirs = make_full(fixture->fd, "theirs", 0);
    make_file(theirs, "owned", 0, fixture->owner);
    int mine = make_full(fixture->fd, "mine", fixture->owner);
    make_file(mine, "their-file", MIB, 0);
    make_directory(mine, "their-empty", 0);
    close(make_full(mine, "their-full", 0));
    struct sweep_total total = count(fixture, MANY);
    assert_int_equal(total.inodes, 2);
    assert_true(total.bytes < 64 * 1024);
    assert_int_equal(sweep_remove(fixture->path, fixture->owner), -EPERM);
    assert_true(exists(theirs, "file") && exists(theirs, "owned"));
    assert_true(exists(mine, "their-full/file"));
    assert_false(exists(mine, "their-file") || exists(mine, "their-empty") || exists(mine, "file"));
    /* what is empty of others does go */
    assert_int_equal(unlinkat(mine, "their-full/file", 0), 0);
    assert_int_equal(sweep_remove(fixture->path, fixture->owner), 0);
    assert_false(exists(fixture->fd, "mine"));
    assert_true(exists(theirs, "owned"));
    close(theirs);
    close(mine);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_modes),
        CASE(test_others_are_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
