/* snapshot: which ranges the plan has, what it leaves alone, and from where on untouched pages are
 * mapped anew instead of copied. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "snapshot.h"
#include "snapshot_scene.h"

static void check_plan(void) {
    struct scene scene = make_scene();
    struct snapshot_plan plan;
    CHECK(snapshot_plan_make(proc_self, &plan) == 0);
    const unsigned char *left_alone[] = {scene.hidden,      scene.shared,  scene.clean_file,
                                         scene.file_shared, scene.wiped,   scene.not_forked,
                                         (void *)&scene,    (void *)record};
    unsigned long holes = (unsigned long)scene.holes, covered = 0;
    bool fresh[HOLE_PAGES] = {0};
    for (size_t i = 0; i < plan.count; i++) {
        const struct snapshot_range *range = &plan.ranges[i];
        CHECK(range->start < range->end && range->start % PAGE == 0 && range->end % PAGE == 0);
        CHECK(i == 0 || plan.ranges[i - 1].end <= range->start);
        for (size_t j = 0; j < sizeof(left_alone) / sizeof(left_alone[0]); j++)
            CHECK((unsigned long)left_alone[j] < range->start ||
                  (unsigned long)left_alone[j] >= range->end);
        for (size_t page = 0; page < HOLE_PAGES; page++) {
            unsigned long address = holes + page * PAGE;
            if (range->start <= address && address < range->end) {
                fresh[page] = range->action == SNAPSHOT_FRESH;
                covered++;
            }
        }
    }
    CHECK(covered == HOLE_PAGES);
    CHECK(!fresh[0] && !fresh[1] && !fresh[10] && !fresh[257]);    /* 255 untouched: copied */
    CHECK(!fresh[258] && fresh[259] && fresh[514] && !fresh[515]); /* 256 */
    CHECK(fresh[516] && fresh[772] && !fresh[773] && !fresh[774]); /* 257 */
    CHECK(fresh[775] && fresh[1110] && fresh[1373] && !fresh[1374] && !fresh[1380]);
    CHECK(fresh[1391] && fresh[1789]); /* up to the end */
    snapshot_plan_done(&plan);
    CHECK(plan.ranges == NULL && plan.count == 0);
}

static void test_plan(void **state) {
    (void)state;
    in_child(check_plan);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
