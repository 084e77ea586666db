/* places_clear: what cannot be removed at first, and can a moment later. A mount point stands for
 * it, in a mount namespace of the test's own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "places.h"
#include "sandbox.h"
#include "user_namespace.h"

static struct sandbox sandbox;
static struct slot slot;
static char busy[80];

static int set_up(void **state) {
    (void)state;
    slot = (struct slot){.sandbox = &sandbox, .uid = geteuid()};
    snprintf(slot.scratch, sizeof(slot.scratch), "/tmp/code-runner-clear-XXXXXX");
    if (!mkdtemp(slot.scratch))
        return -1;
    snprintf(busy, sizeof(busy), "%s/busy", slot.scratch);
    return mkdir(busy, 0700) < 0 || mount("none", busy, "tmpfs", 0, NULL) < 0 ? -1 : 0;
}

static int tear_down(void **state) {
    (void)state;
    umount(busy);
    rmdir(busy);
    return rmdir(slot.scratch);
}

/* What places_clear says while another process unmounts it, some 30 ms later. */
static int clear_meanwhile(void) {
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        usleep(30000);
        while (umount(busy) < 0)
            if (errno != EBUSY)
                _exit(1);
        _exit(0);
    }
    int r = places_clear(&slot);
    int status = -1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    return r;
}

/* On a busy machine the other process may come too late, but not each time. */
static void test_what_goes_away_in_a_moment(void **state) {
    (void)state;
    int r = clear_meanwhile();
    for (int i = 0; i < 20 && r < 0; i++) {
        assert_int_equal(mount("none", busy, "tmpfs", 0, NULL), 0);
        r = clear_meanwhile();
    }
    assert_int_equal(r, 0);
    assert_int_equal(access(busy, F_OK), -1);
}

static void test_what_stays_is_told(void **state) {
    (void)state;
    assert_true(places_clear(&slot) < 0);
    assert_int_equal(access(busy, F_OK), 0);
}

int main(void) {
    if ((geteuid() != 0 && user_namespace_enter(USER_NAMESPACE_SINGLE, geteuid()) < 0) ||
        unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
        perror("a mount namespace");
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_goes_away_in_a_moment, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_stays_is_told, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
