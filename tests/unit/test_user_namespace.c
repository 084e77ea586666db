/*
 * Entering user namespaces: each case in a child of its own, which says by its exit status which
 * step went wrong. RANGE works only where the test has the rights for it (root); elsewhere it must
 * say so.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "user_namespace.h"

/* Says which, and leaves the child. */
#define EXPECT(condition)                                                                          \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "line %d: %s (errno %d)\n", __LINE__, #condition, errno);              \
            _exit(1);                                                                              \
        }                                                                                          \
    } while (0)

static void assert_child(void (*body)(void)) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        body();
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static bool may_map_a_range(void) {
    return geteuid() == 0;
}

/* expected: with one space between numbers, which a map is padded with, and ; for a line's end. */
static bool file_has(const char *path, const char *expected) {
    char text[4096], plain[4096];
    size_t used = 0;
    int fd = open(path, O_RDONLY);
    ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof(text));
    close(fd);
    for (ssize_t i = 0; i < size; i++)
        if (text[i] != ' ' || (used > 0 && plain[used - 1] != ' ' && plain[used - 1] != ';'))
            plain[used++] = text[i] == '\n' ? ';' : text[i];
    return size >= 0 && used == strlen(expected) && memcmp(plain, expected, used) == 0;
}

static unsigned count_descriptors(void) {
    unsigned count = 0;
    DIR *directory = opendir("/proc/self/fd");
    EXPECT(directory != NULL);
    while (readdir(directory) != NULL)
        count++;
    closedir(directory);
    return count;
}

static void set_dumpable(int dumpable) {
    EXPECT(prctl(PR_SET_DUMPABLE, dumpable, 0, 0, 0) == 0);
}

/* Enters, and looks that nothing is left of it: no helper, no descriptor, not more dumpable. */
static int enter_cleanly(enum user_namespace kind, uid_t inside_id, int dumpable) {
    unsigned descriptors = count_descriptors();
    set_dumpable(dumpable);
    int r = user_namespace_enter(kind, inside_id);
    EXPECT(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == dumpable);
    EXPECT(waitpid(-1, NULL, __WALL) < 0 && errno == ECHILD);
    set_dumpable(1); /* else /proc/self is closed to us now */
    EXPECT(count_descriptors() == descriptors);
    return r;
}

static void enter_none(void) {
    char before[64] = "", after[64] = "";
    EXPECT(readlink("/proc/self/ns/user", before, sizeof(before) - 1) > 0);
    EXPECT(enter_cleanly(USER_NAMESPACE_NONE, 0, 1) == 0);
    EXPECT(readlink("/proc/self/ns/user", after, sizeof(after) - 1) > 0);
    EXPECT(strcmp(before, after) == 0);
}

static void test_none(void **state) {
    (void)state;
    assert_child(enter_none);
}

static void enter_single_as(uid_t inside_id, int dumpable) {
    char map[64];
    snprintf(map, sizeof(map), "%u %u 1;", inside_id, geteuid());
    EXPECT(enter_cleanly(USER_NAMESPACE_SINGLE, inside_id, dumpable) == 0);
    EXPECT(file_has("/proc/self/uid_map", map));
    EXPECT(file_has("/proc/self/setgroups", "deny;"));
    EXPECT(getuid() == inside_id && geteuid() == inside_id);
    EXPECT(getgid() == inside_id && getegid() == inside_id);
    EXPECT(unshare(CLONE_NEWNS | CLONE_NEWUTS) == 0);
    EXPECT(sethostname("here", 4) == 0);
}

static void enter_single_root(void) {
    enter_single_as(0, 0);
}

static void enter_single_other(void) {
    enter_single_as(4711, 1);
}

/* After root was given up, as uid 10001 of a container without any capability. */
static void enter_single_unprivileged(void) {
    if (geteuid() == 0)
        EXPECT(setgroups(0, NULL) == 0 && setresgid(10001, 10001, 10001) == 0 &&
               setresuid(10001, 10001, 10001) == 0);
    enter_single_as(0, 0);
}

static void test_single(void **state) {
    (void)state;
    assert_child(enter_single_root);
    assert_child(enter_single_other);
    assert_child(enter_single_unprivileged);
}

static void expect_range(void) {
    gid_t group = 54321;
    EXPECT(getuid() == 0 && getgid() == 0);
    EXPECT(unshare(CLONE_NEWNS | CLONE_NEWUTS) == 0);
    EXPECT(setgroups(1, &group) == 0);
    EXPECT(setresgid(65535, 65535, 65535) == 0 && setresuid(65535, 65535, 65535) == 0);
    EXPECT(getuid() == 65535 && getgid() == 65535);
}

static void enter_range(void) {
    int r = enter_cleanly(USER_NAMESPACE_RANGE, 0, 0);
    EXPECT(r == (may_map_a_range() ? 0 : -EPERM));
    if (r < 0)
        return;
    EXPECT(file_has("/proc/self/uid_map", "0 0 65536;"));
    EXPECT(file_has("/proc/self/gid_map", "0 0 65536;"));
    expect_range();
}

static void enter_range_with_signal(bool ignored) {
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    if (ignored)
        signal(SIGCHLD, SIG_IGN);
    else
        sigprocmask(SIG_BLOCK, &child, NULL);
    enter_range();
}

static void enter_range_ignoring_sigchld(void) {
    enter_range_with_signal(true);
}

static void enter_range_blocking_sigchld(void) {
    enter_range_with_signal(false);
}

static void test_range(void **state) {
    (void)state;
    assert_child(enter_range);
    assert_child(enter_range_ignoring_sigchld);
    assert_child(enter_range_blocking_sigchld);
}

static void wait_for_one(int socket) {
    char byte;
    EXPECT(read(socket, &byte, 1) == 1);
}

static void write_map(pid_t pid, const char *name, const char *map) {
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
    int fd = open(path, O_WRONLY);
    EXPECT(fd >= 0 && write(fd, map, strlen(map)) == (ssize_t)strlen(map));
    close(fd);
}

/* Runs body in a user namespace that has these maps already. */
static void inside(const char *uid_map, const char *gid_map, void (*body)(void)) {
    int pair[2], status;
    EXPECT(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    pid_t child = fork();
    EXPECT(child >= 0);
    if (child == 0) {
        EXPECT(unshare(CLONE_NEWUSER) == 0 && write(pair[1], "", 1) == 1);
        wait_for_one(pair[1]);
        EXPECT(setresgid(0, 0, 0) == 0 && setresuid(0, 0, 0) == 0);
        body();
        _exit(0);
    }
    wait_for_one(pair[0]);
    write_map(child, "uid_map", uid_map);
    write_map(child, "gid_map", gid_map);
    EXPECT(write(pair[0], "", 1) == 1);
    EXPECT(waitpid(child, &status, 0) == child && status == 0);
}

static void enter_range_in_pieces(void) {
    EXPECT(enter_cleanly(USER_NAMESPACE_RANGE, 0, 0) == 0);
    EXPECT(file_has("/proc/self/uid_map", "0 0 1;1 1 999;1000 1000 64536;"));
    EXPECT(file_has("/proc/self/gid_map", "0 0 65536;"));
    expect_range();
}

/* Refused before anything has happened: in no new namespace, so still with a map. */
static void enter_range_too_small(void) {
    EXPECT(enter_cleanly(USER_NAMESPACE_RANGE, 0, 0) == -EPERM);
    EXPECT(getuid() == 0);
}

#define WHOLE "0 0 65536"

static void enter_range_inside_others(void) {
    if (!may_map_a_range())
        return; /* the maps outside cannot be made; that RANGE is refused, test_range sees */
    /* as podman without root has them, in any order, and more than asked for */
    inside("0 0 1\n1000 300000 100000\n1 100000 999\n", "0 0 100000\n", enter_range_in_pieces);
    inside("0 0 65535\n", WHOLE, enter_range_too_small);
    inside(WHOLE, "0 0 65535\n", enter_range_too_small);
    inside("0 0 1000\n1001 1001 70000\n", WHOLE, enter_range_too_small);
    inside("0 1000 1\n", "0 1000 1\n", enter_range_too_small);
}

static void test_range_inside_other_maps(void **state) {
    (void)state;
    assert_child(enter_range_inside_others);
}

/* The helper may not write: its error arrives, and nothing stays dumpable. */
static void enter_range_without_capability(void) {
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    EXPECT(syscall(SYS_capget, &header, data) == 0);
    data[0].effective &= ~(1U << CAP_SETUID);
    data[0].permitted &= ~(1U << CAP_SETUID);
    EXPECT(syscall(SYS_capset, &header, data) == 0);
    EXPECT(enter_cleanly(USER_NAMESPACE_RANGE, 0, 0) == -EPERM);
}

/* In a namespace of its own that allows no further one. */
static void forbid_namespaces(void) {
    int fd = open("/proc/sys/user/max_user_namespaces", O_WRONLY);
    EXPECT(fd >= 0 && write(fd, "0", 1) == 1);
    close(fd);
}

static void enter_single_where_none_is_left(void) {
    EXPECT(user_namespace_enter(USER_NAMESPACE_SINGLE, 0) == 0);
    forbid_namespaces();
    EXPECT(enter_cleanly(USER_NAMESPACE_SINGLE, 0, 0) == -ENOSPC);
}

static void enter_range_forbidden(void) {
    forbid_namespaces();
    EXPECT(enter_cleanly(USER_NAMESPACE_RANGE, 0, 0) == -ENOSPC);
}

static void enter_range_where_none_is_left(void) {
    if (may_map_a_range())
        inside(WHOLE, WHOLE, enter_range_forbidden);
}

static void test_failures(void **state) {
    (void)state;
    assert_child(enter_range_without_capability);
    assert_child(enter_single_where_none_is_left);
    assert_child(enter_range_where_none_is_left);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_none),     cmocka_unit_test(test_single),
        cmocka_unit_test(test_range),    cmocka_unit_test(test_range_inside_other_maps),
        cmocka_unit_test(test_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
