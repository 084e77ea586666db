/* snapshot: every byte and every protection of a process stays, and what it held of its own becomes
 * the image's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "snapshot.h"
#include "snapshot_compare.h"
#include "snapshot_scene.h"

static int call(unsigned char *code) {
    int (*function)(void);
    memcpy(&function, &code, sizeof(function));
    return function();
}

static void check_every_byte(void) {
    struct scene scene = make_scene();
    record_before();
    struct snapshot_report report = {0};
    int r = snapshot_take(proc_self, &report);
    compare_after();
    CHECK(r == 0);
    CHECK(report.copied_bytes >= HEAP_BYTES + HUGE_PAGES * PAGE && report.ranges >= 6);
    CHECK(call(scene.code) == 42);
}

static void test_every_byte_and_protection_stays(void **state) {
    (void)state;
    in_child(check_every_byte);
}

/* The control of the comparison: it sees a byte, and a protection. */
static void spoil_byte(void) {
    struct scene scene = make_scene();
    record_before();
    scene.holes[136 * PAGE + 5] ^= 1;
    compare_after();
}

static void spoil_protection(void) {
    struct scene scene = make_scene();
    record_before();
    mprotect(scene.between, PAGE, PROT_READ);
    compare_after();
}

/* That is, with this condition. */
static void expect_failure(void (*body)(void), const char *condition) {
    status_of_child(body);
    assert_non_null(record->failed);
    assert_ptr_equal(strstr(record->failed, condition), record->failed);
    munmap(record, RECORD_BYTES);
}

static void test_the_comparison_can_fail(void **state) {
    (void)state;
    expect_failure(spoil_byte, "memcmp(seen->bytes");
    expect_failure(spoil_protection, "is_same_mode(");
}

static void check_anonymous_memory(void) {
    struct snapshot_report report;
    make_scene();
    long before = snapshot_anonymous_kb(proc_self);
    CHECK(snapshot_take(proc_self, &report) == 0);
    long after = snapshot_anonymous_kb(proc_self);
    CHECK(before > (long)(HEAP_BYTES + HUGE_PAGES * PAGE) / 1024);
    CHECK(after >= 0 && after < 400);
}

static void test_anonymous_memory_falls(void **state) {
    (void)state;
    in_child(check_anonymous_memory);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_byte_and_protection_stays),
        cmocka_unit_test(test_the_comparison_can_fail),
        cmocka_unit_test(test_anonymous_memory_falls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
