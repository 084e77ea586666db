/*
 * Counting and removing what a run left: every kind of entry, depth, modes, owners, mount points;
 * and counting while somebody moves directories in and out beneath. As root, the entries belong to
 * another uid, so that owners differ.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "sweep.h"
#include "user_namespace.h"

#define MANY 1000000
#define MIB (1 << 20)

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

/* Whether nothing but names of the directory is left. */
static void assert_left(const struct fixture *fixture, uid_t owner, unsigned inodes) {
    struct sweep_total total = {0};
    assert_int_equal(sweep_count(fixture->path, owner, MANY, &total), 0);
    assert_int_equal(total.inodes, inodes);
}

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
    assert_left(fixture, owner, 9);

    errno = 77;
    assert_int_equal(sweep_remove(fixture->path, owner), 0);
    assert_int_equal(errno, 77);
    assert_left(fixture, owner, 0);
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
    assert_left(fixture, fixture->owner, 3);
}

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
    assert_left(fixture, fixture->owner, 0);
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
    assert_left(fixture, fixture->owner, 0);
}

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
        assert_left(fixture, fixture->owner, 0);
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
    assert_left(fixture, fixture->owner, 0);
}

/*
 * The attack: tree/a/b and the link tree/l change places all the time, and tree/a/b/c/d moves out
 * of the tree, beside what must not be counted, and back.
 */
#define SECRETS 3000

static _Noreturn void attack(int top) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) {
        renameat2(top, "tree/a/b", top, "tree/l", RENAME_EXCHANGE);
        renameat2(top, "tree/l", top, "tree/a/b", RENAME_EXCHANGE);
        renameat(top, "tree/a/b/c/d", top, "secret/d");
        renameat(top, "secret/d", top, "tree/a/b/c/d");
    }
}

static pid_t make_attack(const struct fixture *fixture) {
    const uid_t owner = fixture->owner;
    char name[16], path[128];
    make_directory(fixture->fd, "secret", owner);
    int secret = openat(fixture->fd, "secret", O_RDONLY | O_DIRECTORY);
    for (int i = 0; i < SECRETS; i++) {
        snprintf(name, sizeof(name), "s%d", i);
        assert_int_equal(mknodat(secret, name, S_IFREG | 0600, 0), 0);
        give(secret, name, owner);
    }
    close(secret);
    make_directory(fixture->fd, "tree", owner);
    int tree = openat(fixture->fd, "tree", O_RDONLY | O_DIRECTORY);
    make_directory(tree, "a", owner);
    make_directory(tree, "a/b", owner);
    make_directory(tree, "a/b/c", owner);
    make_directory(tree, "a/b/c/d", owner);
    for (int i = 0; i < 20; i++) {
        snprintf(path, sizeof(path), "a/b/c/d/%d", i);
        make_directory(tree, path, owner);
        snprintf(path, sizeof(path), "a/b/%d", i);
        make_directory(tree, path, owner);
    }
    snprintf(path, sizeof(path), "%s/secret", fixture->path);
    assert_int_equal(symlinkat(path, tree, "l"), 0);
    give(tree, "l", owner);
    close(tree);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        attack(fixture->fd);
    return child;
}

/* What sweep_count must not be: looks, then goes in by name, and comes back by "..". */
static unsigned count_naively(void) {
    struct stat stat;
    unsigned seen = 0;
    DIR *directory = opendir(".");
    if (directory == NULL)
        return 0;
    for (struct dirent *entry; seen < SECRETS && (entry = readdir(directory)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        seen++;
        if (lstat(entry->d_name, &stat) < 0 || !S_ISDIR(stat.st_mode) || chdir(entry->d_name) < 0)
            continue;
        seen += count_naively();
        if (chdir("..") < 0)
            break;
    }
    closedir(directory);
    return seen;
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void test_count_stays_in_the_tree_under_attack(void **state) {
    struct fixture *fixture = *state;
    pid_t attacker = make_attack(fixture);
    char path[128];
    snprintf(path, sizeof(path), "%s/tree", fixture->path);
    int home = open(".", O_RDONLY | O_DIRECTORY);
    /* The control: the attack works on one that does as one does. */
    unsigned naive = 0;
    for (double end = now() + 60; naive < SECRETS && now() < end;)
        naive = chdir(path) < 0 ? 0 : count_naively();
    assert_int_equal(fchdir(home), 0);
    close(home);
    uint64_t most = 0, least = MANY;
    for (double end = now() + 1.5; now() < end;) {
        struct sweep_total total = {0};
        assert_int_equal(sweep_count(path, fixture->owner, MANY, &total), 0);
        most = total.inodes > most ? total.inodes : most;
        least = total.inodes < least ? total.inodes : least;
    }
    kill(attacker, SIGKILL);
    waitpid(attacker, NULL, 0);
    assert_true(naive >= SECRETS);
    /* 45 entries, and what moves can be seen at both its places. */
    assert_in_range(most, 40, 200);
    assert_true(least >= 2);
}

static _Noreturn void churn(int dir) {
    char name[16];
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (unsigned i = 0;; i++) {
        snprintf(name, sizeof(name), "%u", i);
        close(openat(dir, name, O_CREAT | O_WRONLY, 0600));
        if (i >= 100) {
            snprintf(name, sizeof(name), "%u", i - 100);
            unlinkat(dir, name, 0);
        }
    }
}

static void test_count_ends_while_entries_come_and_go(void **state) {
    struct fixture *fixture = *state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        churn(fixture->fd);
    for (double start = now(); now() - start < 0.5;) {
        struct sweep_total total = {0};
        double before = now();
        assert_int_equal(sweep_count(fixture->path, geteuid(), MANY, &total), 0);
        assert_true(now() - before < 20);
    }
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_every_kind_is_counted_and_removed),
        CASE(test_names_of_one_file_share_its_size),
        CASE(test_directory_itself),
        CASE(test_deep),
        CASE(test_deep_and_wide),
        CASE(test_modes),
        CASE(test_others_are_left_alone),
        CASE(test_mounts_are_not_entered_and_the_rest_goes),
        CASE(test_count_stays_in_the_tree_under_attack),
        CASE(test_count_ends_while_entries_come_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
