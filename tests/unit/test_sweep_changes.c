/*
 * Counting while somebody moves directories in and out beneath, or makes and removes entries.
 */
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "sweep.h"
#include "sweep_fixture.h"

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

/* What sweep_count must not be: looks, then goes in by name, and comes back by "..". Between the
 * two it lets the attacker run, which on a busy machine it would wait for a minute long. */
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
        if (lstat(entry->d_name, &stat) < 0 || !S_ISDIR(stat.st_mode))
            continue;
        usleep(1);
        if (chdir(entry->d_name) < 0)
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

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_count_stays_in_the_tree_under_attack),
        CASE(test_count_ends_while_entries_come_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
