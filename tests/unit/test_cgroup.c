/* cgroup: where our own cgroup is, and what is written into which file, on texts and plain files.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "cgroup.h"
#include "cgroup_find.h"

static const char mounts_v1[] =
    "30 25 0:26 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n"
    "31 30 0:27 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid - cgroup cgroup rw,cpu,cpuacct\n"
    "32 30 0:28 /docker/abc /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    "33 30 0:29 / /sys/fs/cgroup/pids rw shared:7 - cgroup cgroup rw,pids\n"
    "34 30 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
static const char own_v1[] =
    "5:pids:/\n4:memory:/docker/abc/inner\n1:cpu,cpuacct:/user.slice\n0::/\n";
static const char mounts_v2[] =
    "29 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n";
static const char own_v2[] = "0::/system.slice/runner.service\n";

static int find(const char *mounts, const char *own, const char *controller, char *path,
                size_t size) {
    FILE *first = fmemopen((void *)mounts, strlen(mounts), "r");
    FILE *second = fmemopen((void *)own, strlen(own), "r");
    int r = cgroup_find(first, second, controller, path, size);
    fclose(first);
    fclose(second);
    return r;
}

static void test_own_cgroup_is_found(void **state) {
    (void)state;
    static const struct {
        const char *mounts, *own, *controller, *path;
    } rows[] = {
        {mounts_v1, own_v1, "pids", "/sys/fs/cgroup/pids"},
        {mounts_v1, own_v1, "memory", "/sys/fs/cgroup/memory/inner"},
        {mounts_v1, own_v1, "cpu", "/sys/fs/cgroup/cpu,cpuacct/user.slice"},
        {mounts_v1, own_v1, NULL, "/sys/fs/cgroup/unified"},
        {mounts_v2, own_v2, NULL, "/sys/fs/cgroup/system.slice/runner.service"},
    };
    char path[256];
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(find(rows[i].mounts, rows[i].own, rows[i].controller, path, sizeof(path)),
                         0);
        assert_string_equal(path, rows[i].path);
    }
    assert_int_equal(find(mounts_v2, own_v2, "memory", path, sizeof(path)), -ENOENT);
    assert_int_equal(find(mounts_v1, own_v1, "hugetlb", path, sizeof(path)), -ENOENT);
    assert_int_equal(find("", own_v2, NULL, path, sizeof(path)), -ENOENT);
    assert_int_equal(find(mounts_v2, own_v2, NULL, path, 10), -ENAMETOOLONG);
}

static void make_file(int dir, const char *name) {
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    close(fd);
}

static void assert_file(int dir, const char *name, const char *expected) {
    char text[128] = "";
    int fd = openat(dir, name, O_RDONLY);
    assert_true(fd >= 0);
    ssize_t size = read(fd, text, sizeof(text) - 1);
    close(fd);
    assert_true(size >= 0);
    assert_string_equal(text, expected);
    unlinkat(dir, name, 0);
}

static const struct cgroup_limits limits = {
    .memory_bytes = 300ULL << 20, .processes = 64, .cpu_percent = 150};

static void test_v2_files(void **state) {
    (void)state;
    char path[] = "/tmp/test_cgroup.XXXXXX";
    int dir = open(mkdtemp(path), O_RDONLY | O_DIRECTORY);
    static const char *const names[] = {"memory.max", "memory.swap.max", "memory.oom.group",
                                        "pids.max", "cpu.max"};
    assert_int_equal(cgroup_v2_write_limits(dir, &limits), -ENOENT); /* no such file: not silent */
    for (size_t i = 0; i < 5; i++)
        make_file(dir, names[i]);
    assert_int_equal(cgroup_v2_write_limits(dir, &limits), 0);
    assert_file(dir, "memory.max", "314572800");
    assert_file(dir, "memory.swap.max", "0");
    assert_file(dir, "memory.oom.group", "1");
    assert_file(dir, "pids.max", "64");
    assert_file(dir, "cpu.max", "150000 100000");
    for (size_t i = 0; i < 5; i++)
        if (i != 1)
            make_file(dir, names[i]);
    assert_int_equal(cgroup_v2_write_limits(dir, &limits), 0); /* no swap accounting: fine */
    for (size_t i = 0; i < 5; i++)
        unlinkat(dir, names[i], 0);
    close(dir);
    assert_int_equal(rmdir(path), 0);
}

static void test_v1_files(void **state) {
    (void)state;
    char path[] = "/tmp/test_cgroup.XXXXXX";
    int dir = open(mkdtemp(path), O_RDONLY | O_DIRECTORY);
    const int dirs[CGROUP_KINDS] = {dir, dir, dir};
    static const char *const names[] = {"memory.limit_in_bytes", "pids.max", "cpu.cfs_period_us",
                                        "cpu.cfs_quota_us"};
    for (size_t i = 0; i < 4; i++)
        make_file(dir, names[i]);
    assert_int_equal(cgroup_v1_write_limits(dirs, &limits), 0);
    assert_file(dir, "memory.limit_in_bytes", "314572800");
    assert_file(dir, "pids.max", "64");
    assert_file(dir, "cpu.cfs_period_us", "100000");
    assert_file(dir, "cpu.cfs_quota_us", "150000");
    close(dir);
    assert_int_equal(rmdir(path), 0);
}

static void test_limit_is_set_anew(void **state) {
    (void)state;
    FILE *memory = tmpfile(), *swap = tmpfile();
    struct cgroup_slot slot = {.limit_fd = fileno(memory), .swap_limit_fd = fileno(swap)};
    char text[32] = "";
    assert_int_equal(cgroup_slot_limit(&slot, 123456789012, true), 0);
    assert_int_equal(pread(slot.limit_fd, text, sizeof(text), 0), 12);
    assert_string_equal(text, "123456789012");
    assert_int_equal(pread(slot.swap_limit_fd, text, sizeof(text), 0), 12);
    assert_string_equal(text, "123456789012");
    /* Which is written first can be told from which is not when the other fails. */
    int bad = open("/dev/null", O_RDONLY);
    slot.swap_limit_fd = bad;
    assert_int_equal(cgroup_slot_limit(&slot, 223456789012, false), -EBADF);
    assert_int_equal(pread(fileno(memory), text, sizeof(text), 0), 12);
    assert_string_equal(text, "123456789012");
    slot.limit_fd = bad;
    slot.swap_limit_fd = fileno(swap);
    assert_int_equal(cgroup_slot_limit(&slot, 323456789012, true), -EBADF);
    assert_int_equal(pread(fileno(swap), text, sizeof(text), 0), 12);
    assert_string_equal(text, "123456789012");
    slot.limit_fd = slot.swap_limit_fd = -1; /* no cgroup: the watchdog's matter */
    assert_int_equal(cgroup_slot_limit(&slot, 1, true), 0);
    close(bad);
    fclose(memory);
    fclose(swap);
}

static void test_out_of_memory_is_a_difference(void **state) {
    (void)state;
    char path[] = "/tmp/test_cgroup.XXXXXX";
    int fd = mkstemp(path);
    struct cgroup_slot slot = {.procs_fds = {-1, -1, -1}, .events_fd = fd, .peak_fd = -1};
    struct cgroup_usage usage;
    static const char before[] = "low 0\nhigh 0\nmax 9\noom 3\noom_kill 2\noom_group_kill 0\n";
    static const char after[] = "low 0\nhigh 0\nmax 9\noom 4\noom_kill 3\noom_group_kill 0\n";
    assert_true(pwrite(fd, before, strlen(before), 0) > 0);
    assert_int_equal(cgroup_slot_usage(&slot, &usage), 0);
    assert_int_equal(cgroup_slot_usage(&slot, &usage), 0);
    assert_false(usage.out_of_memory);
    assert_true(pwrite(fd, after, strlen(after), 0) > 0);
    assert_int_equal(cgroup_slot_usage(&slot, &usage), 0);
    assert_true(usage.out_of_memory);
    assert_int_equal(cgroup_slot_usage(&slot, &usage), 0);
    assert_false(usage.out_of_memory);
    close(fd);
    unlink(path);
}

static pid_t start_member(const struct cgroup_slot *slot) {
    int joined[2];
    char byte = 0;
    assert_int_equal(pipe(joined), 0);
    pid_t pid = fork();
    if (pid == 0) {
        byte = (char)(cgroup_slot_join(slot) == 0);
        (void)!write(joined[1], &byte, 1);
        for (;;)
            pause();
    }
    assert_int_equal(read(joined[0], &byte, 1), 1);
    assert_int_equal(byte, 1);
    close(joined[0]);
    close(joined[1]);
    return pid;
}

/* Twice within a second: the second run's processes are not in a list of the first's. */
static void test_kill_reaches_who_joined_since_the_last(void **state) {
    (void)state;
    const struct cgroup_limits small = {
        .memory_bytes = 64 << 20, .processes = 8, .cpu_percent = 100};
    struct cgroup_tree tree;
    struct cgroup_slot slot;
    char name[64];
    snprintf(name, sizeof(name), "code-runner-test-%d", getpid());
    assert_int_equal(cgroup_tree_create(&tree, name), 0);
    if (tree.version == 0) {
        print_message("no cgroup may be made here: not tested\n");
        skip();
    }
    assert_int_equal(cgroup_slot_create(&tree, 0, &small, &slot), 0);
    for (int round = 0; round < 3; round++) {
        pid_t pid = start_member(&slot);
        int status = 0;
        assert_int_equal(cgroup_slot_kill(&slot), 0);
        int tries = 0;
        while (waitpid(pid, &status, WNOHANG) == 0 && tries++ < 30000)
            usleep(1000);
        if (status == 0)
            kill(pid, SIGKILL);
        assert_int_equal(status, SIGKILL);
    }
    cgroup_slot_close(&slot);
    cgroup_tree_remove(&tree, 1);
}

/* A directory that somebody else has named after the service is nobody's leftover. */
static void test_only_what_a_zygote_has_left_is_removed(void **state) {
    (void)state;
    struct cgroup_tree tree;
    char name[64], left[64], others[64];
    snprintf(name, sizeof(name), "code-runner-test-%d", getpid());
    snprintf(left, sizeof(left), "code-runner-7%06d", getpid());
    snprintf(others, sizeof(others), "code-runner-7%06d-other", getpid());
    assert_int_equal(cgroup_tree_create(&tree, name), 0);
    if (tree.version == 0) {
        print_message("no cgroup may be made here: not tested\n");
        skip();
    }
    const int parent = tree.parent_fds[0];
    assert_int_equal(mkdirat(parent, left, 0755), 0);
    assert_int_equal(mkdirat(parent, others, 0755), 0);
    cgroup_tree_sweep(&tree);
    assert_int_not_equal(faccessat(parent, left, F_OK, 0), 0);
    assert_int_equal(unlinkat(parent, others, AT_REMOVEDIR), 0);
    cgroup_tree_remove(&tree, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_what_a_zygote_has_left_is_removed),
        cmocka_unit_test(test_own_cgroup_is_found),
        cmocka_unit_test(test_v2_files),
        cmocka_unit_test(test_v1_files),
        cmocka_unit_test(test_limit_is_set_anew),
        cmocka_unit_test(test_out_of_memory_is_a_difference),
        cmocka_unit_test(test_kill_reaches_who_joined_since_the_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
