/* Where a service puts its uids: not where processes of this machine have theirs. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "free_uids.h"

static void test_somewhere_in_the_range(void **state) {
    uint32_t seen[8];
    (void)state;
    for (unsigned i = 0; i < 8; i++) {
        seen[i] = free_uids_choose(20000, 65000, 500);
        assert_in_range(seen[i], 20000, 64499);
    }
    unsigned alike = 0;
    for (unsigned i = 1; i < 8; i++)
        alike += seen[i] == seen[0];
    assert_true(alike < 7);
}

/* The process's own uid is one that is used. */
static void test_beside_a_process(void **state) {
    (void)state;
    const uint32_t own = 40000;
    int pipe_fds[2], status;
    char byte;
    if (getuid() != 0)
        skip(); /* only root can become somebody */
    assert_int_equal(pipe(pipe_fds), 0);
    pid_t child = fork();
    if (child == 0) {
        _exit(setuid(own) == 0 && write(pipe_fds[1], "x", 1) == 1 && pause() ? 0 : 1);
    }
    assert_int_equal(read(pipe_fds[0], &byte, 1), 1);
    for (unsigned i = 0; i < 200; i++) {
        uint32_t first = free_uids_choose(own - 100, own + 200, 60);
        assert_true(first + 60 <= own || first > own + 60);
    }
    /* Where there is no such place, it is taken all the same. */
    assert_in_range(free_uids_choose(own - 10, own + 60, 60), own - 10, own);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &status, 0), child);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_somewhere_in_the_range),
        cmocka_unit_test(test_beside_a_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
