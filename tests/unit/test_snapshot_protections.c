/* snapshot: what may be read and written after it, by the process and by its forks, is what might
 * be before; shared memory is still shared, and advice about forks still holds. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "snapshot.h"
#include "snapshot_scene.h"

static void take(void) {
    struct snapshot_report report;
    CHECK(snapshot_take(proc_self, &report) == 0);
}

static bool faults(volatile unsigned char *byte, bool by_writing) {
    int status;
    pid_t pid = fork_child();
    if (pid == 0) {
        if (by_writing)
            *byte = 1;
        else
            (void)*byte;
        _exit(0);
    }
    CHECK(waitpid(pid, &status, 0) == pid);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
}

static void check_what_is_forbidden(void) {
    struct scene scene = make_scene();
    take();
    CHECK(faults(scene.read_only, true) && !faults(scene.read_only, false));
    CHECK(faults(scene.hidden, false));
    CHECK(faults(scene.code, true));
    CHECK(faults(scene.clean_file, true));
    CHECK(faults(scene.between + PAGE, true) && !faults(scene.between + 2 * PAGE, true));
    /* What was hidden is still there for the one who may look. */
    CHECK(mprotect(scene.hidden, 2 * PAGE, PROT_READ) == 0);
    unsigned char expected[2 * PAGE_MOST];
    fill(expected, 2 * PAGE, 3);
    CHECK(memcmp(scene.hidden, expected, 2 * PAGE) == 0);
    CHECK(mprotect(scene.read_only, PAGE, PROT_READ | PROT_WRITE) == 0);
    scene.read_only[0] ^= 1;
}

static void test_protections_hold(void **state) {
    (void)state;
    in_child(check_what_is_forbidden);
}

static void check_shared_and_fork_advice(void) {
    struct scene scene = make_scene();
    take();
    pid_t pid = fork_child();
    if (pid == 0) {
        scene.shared[0] = 200;
        scene.file_shared[0] = 201;
        _exit(scene.wiped[0] | scene.wiped[PAGE - 1]);
    }
    int status;
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    CHECK(scene.shared[0] == 200 && scene.file_shared[0] == 201);
    /* A clean private mapping stays with its file and shows what is written there. */
    CHECK(scene.clean_file[0] == 201);
    CHECK(faults(scene.not_forked, false));
    unsigned char expected[PAGE_MOST];
    fill(expected, PAGE, 7);
    CHECK(memcmp(scene.wiped, expected, PAGE) == 0 && expected[0] | expected[PAGE - 1]);
}

static void test_shared_memory_and_fork_advice_stay(void **state) {
    (void)state;
    in_child(check_shared_and_fork_advice);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_protections_hold),
        cmocka_unit_test(test_shared_memory_and_fork_advice_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
