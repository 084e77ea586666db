/* places_base: many that start at the same time, each of which removes what it finds left behind,
 * leave what the others have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "places_base.h"
#include "user_namespace.h"

#define STARTERS 4
#define STARTS 2000

static void test_it_is_locked_and_goes(void **state) {
    (void)state;
    char base[48], other[48], slot[64];
    struct stat status;
    int lock = places_base_make(base, sizeof(base));
    assert_true(lock >= 0);
    assert_int_equal(stat(base, &status), 0);
    assert_int_equal(status.st_mode & 07777, 0711);
    snprintf(slot, sizeof(slot), "%s/slot-0", base);
    assert_int_equal(mkdir(slot, 0700), 0);

    int other_lock = places_base_make(other, sizeof(other)); /* leaves the first */
    assert_true(other_lock >= 0);
    assert_int_equal(access(slot, F_OK), 0);
    close(lock);
    close(other_lock);
    places_base_remove(other);

    lock = places_base_make(other, sizeof(other)); /* nobody holds the first any more */
    assert_true(lock >= 0);
    assert_int_equal(access(base, F_OK), -1);
    places_base_remove(other);
    assert_int_equal(access(other, F_OK), -1);
    close(lock);
}

/* Exit status 0, or which step failed. */
static int start_again_and_again(void) {
    char base[48], slot[64];
    for (int i = 0; i < STARTS; i++) {
        int lock = places_base_make(base, sizeof(base));
        if (lock < 0)
            return 1;
        snprintf(slot, sizeof(slot), "%s/slot-0", base);
        if (mkdir(slot, 0700) < 0)
            return 2;
        sched_yield();
        if (access(slot, F_OK) < 0)
            return 3;
        places_base_remove(base);
        close(lock);
    }
    return 0;
}

static void test_many_at_the_same_time(void **state) {
    (void)state;
    pid_t pids[STARTERS];
    for (int i = 0; i < STARTERS; i++) {
        pids[i] = fork();
        assert_true(pids[i] >= 0);
        if (pids[i] == 0)
            _exit(start_again_and_again());
    }
    for (int i = 0; i < STARTERS; i++) {
        int status = -1;
        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_int_equal(status, 0);
    }
}

static void test_nowhere(void **state) {
    (void)state;
    char base[8];
    assert_int_equal(places_base_make(base, sizeof(base)), -ENAMETOOLONG);
    assert_string_equal(base, "");
}

/* In a mount namespace, where no service has anything. */
int main(void) {
    static const char *const parents[] = {"/tmp", "/var/tmp", "/dev/shm", "/run"};
    if ((geteuid() != 0 && user_namespace_enter(USER_NAMESPACE_SINGLE, geteuid()) < 0) ||
        unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
        perror("a mount namespace");
        return 1;
    }
    for (size_t i = 0; i < sizeof(parents) / sizeof(parents[0]); i++)
        if (mount("none", parents[i], "tmpfs", 0, "mode=1777") < 0 && i == 0) {
            perror(parents[i]);
            return 1;
        }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_is_locked_and_goes),
        cmocka_unit_test(test_many_at_the_same_time),
        cmocka_unit_test(test_nowhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
