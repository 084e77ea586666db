/*
 * Counting and removing what goes deep, and mount points deep below and near the top.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "sweep.h"
#include "sweep_entries.h"
#include "user_namespace.h"

/* A directory of dir that goes deep, with siblings that have something in them at each level. Its
 * last directory. */
static int make_deep(int dir, const char *name, unsigned levels, bool siblings, uid_t owner) {
    dir = dup(dir);
    for (unsigned i = 0; i < levels; i++) {
        if (siblings) {
            close(make_full(dir, "a", owner));
            close(make_full(dir, "z", owner));
        }
        make_directory(dir, name, owner);
        int next = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
        assert_true(next >= 0);
        close(dir);
        dir = next;
    }
    return dir;
}

static void test_deep(void **state) {
    struct fixture *fixture = *state;
    char name[256];
    memset(name, 'd', 255);
    name[255] = '\0';
    int last = make_deep(fixture->fd, name, 100, false, fixture->owner);
    assert_int_equal(count(fixture, MANY).inodes, 100);
    make_file(last, "file", 0, fixture->owner);
    assert_int_equal(count(fixture, MANY).inodes, 101);
    make_directory(last, "deeper", fixture->owner); /* may hide anything */
    assert_int_equal(count(fixture, MANY).inodes, MANY + 1);
    close(make_deep(last, name, 3000, false, fixture->owner));
    close(last);
    assert_int_equal(count(fixture, MANY).inodes, MANY + 1);
    assert_int_equal(sweep_remove(fixture->path, fixture->owner), 0);
    assert_left(fixture, 0);
}

static void test_deep_and_wide(void **state) {
    struct fixture *fixture = *state;
    close(make_deep(fixture->fd, "m", 400, true, fixture->owner));
    char name[16];
    for (int i = 0; i < 500; i++) {
        snprintf(name, sizeof(name), "%d", i);
        close(make_full(fixture->fd, name, fixture->owner));
    }
    assert_int_equal(sweep_remove(fixture->path, fixture->owner), 0);
    assert_left(fixture, 0);
}

#define MOUNT_LEVELS 200

/* A file system on name in dir, with a file of one MiB in it; a descriptor of its top. */
static int mount_full(int dir, const char *name, uid_t owner) {
    static const char bytes[MIB] = "text";
    if (fchdir(dir) < 0 || mount("none", name, "tmpfs", 0, NULL) < 0 ||
        chown(name, owner, (gid_t)-1) < 0)
        return -1;
    int top = open(name, O_RDONLY | O_DIRECTORY);
    int file = openat(top, "kept", O_WRONLY | O_CREAT, 0600);
    bool good = write(file, bytes, MIB) == MIB && fchown(file, owner, (gid_t)-1) == 0;
    close(file);
    return good ? top : -1;
}

/* In a mount namespace of its own: a file system deep below and one near the top. 0 or the step
 * that went wrong. */
static int remove_around_mounts(const struct fixture *fixture) {
    struct sweep_total total = {0}, inside = {0};
    if ((geteuid() != 0 && user_namespace_enter(USER_NAMESPACE_SINGLE, fixture->owner) < 0) ||
        unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return 10;
    /* Descriptors from before lead into the mounts from before. */
    char path[64 + 2 * MOUNT_LEVELS + 1], *end = path;
    end += snprintf(path, sizeof(path), "%s/near", fixture->path);
    int near = open(path, O_RDONLY | O_DIRECTORY);
    end -= strlen("near");
    for (unsigned level = 0; level < MOUNT_LEVELS; level++)
        end += snprintf(end, 3, "m/");
    int deep = open(path, O_RDONLY | O_DIRECTORY);
    int near_top = mount_full(near, "mounted", fixture->owner);
    int deep_top = mount_full(deep, "mounted", fixture->owner);
    if (near_top < 0 || deep_top < 0)
        return 11;
    snprintf(path, sizeof(path), "%s/near", fixture->path);
    if (sweep_count(path, fixture->owner, MANY, &total) < 0 || total.inodes != 2 ||
        total.bytes >= MIB)
        return 12;
    /* The control: where one starts there, it is counted. */
    snprintf(path, sizeof(path), "%s/near/mounted", fixture->path);
    if (sweep_count(path, fixture->owner, MANY, &inside) < 0 || inside.inodes != 1 ||
        inside.bytes < MIB)
        return 13;
    if (sweep_remove(fixture->path, fixture->owner) != -EBUSY)
        return 14;
    return exists(near_top, "kept") && exists(deep_top, "kept") ? 0 : 15;
}

static void test_mounts_are_not_entered_and_the_rest_goes(void **state) {
    struct fixture *fixture = *state;
    int near = make_full(fixture->fd, "near", fixture->owner);
    make_directory(near, "mounted", fixture->owner);
    int deep = make_deep(fixture->fd, "m", MOUNT_LEVELS, true, fixture->owner);
    make_directory(deep, "mounted", fixture->owner);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(remove_around_mounts(fixture));
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    /* Only the ways to the two are left. */
    assert_true(exists(near, "mounted"));
    assert_false(exists(near, "file"));
    int dir = dup(fixture->fd);
    for (unsigned level = 0; level < MOUNT_LEVELS; level++) {
        assert_false(exists(dir, "a") || exists(dir, "z"));
        int next = openat(dir, "m", O_RDONLY | O_DIRECTORY);
        assert_true(next >= 0);
        close(dir);
        dir = next;
    }
    assert_true(exists(dir, "mounted"));
    close(dir);
    close(near);
    close(deep);
    assert_int_equal(sweep_remove(fixture->path, fixture->owner), 0);
    assert_left(fixture, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_deep),
        CASE(test_deep_and_wide),
        CASE(test_mounts_are_not_entered_and_the_rest_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
