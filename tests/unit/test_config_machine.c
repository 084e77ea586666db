/* config_machine: what follows from the machine where nothing was said. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "config.h"

static void test_machine_fills_in_slots_and_uids(void **state) {
    (void)state;
    struct config config;
    config_init(&config);
    config_complete(&config);
    assert_in_range(config.slots, 1, 256);
    assert_in_range(config.uid_base, 20000, 65000 - config_total_slots(&config));
    assert_true(config_total_slots(&config) > config.slots + config.pool);
    config_init(&config);
    config.slots = 7;
    config.memory_mb = 1 << 16;
    config_complete(&config);
    assert_int_equal(config.slots, 7); /* what was said stays */
    config.slots = 0;
    assert_true(config_has_room(&config, 1));
    assert_false(config_has_room(&config, 1UL << 40));
    config.slots = 1UL << 30;
    assert_false(config_has_room(&config, 1));
}

static uint64_t completed_pool(const char *flag, const char *slots) {
    char *const argv[] = {(char *)"code-runner", (char *)slots, (char *)flag};
    struct config config;
    char error[256];
    assert_int_equal(config_parse(&config, 3, argv, NULL, error, sizeof(error)), 0);
    config_complete(&config);
    return config.pool;
}

static void test_more_wait_where_more_run(void **state) {
    (void)state;
    assert_int_equal(completed_pool("--start=warm", "--slots=1"), 4);
    assert_int_equal(completed_pool("--start=warm", "--slots=3"), 12);
    assert_int_equal(completed_pool("--start=warm", "--slots=64"), 16);
    assert_int_equal(completed_pool("--start=cold", "--slots=64"), 4);
    assert_int_equal(completed_pool("--pool=0", "--slots=64"), 0); /* what was said stays */
    assert_int_equal(completed_pool("--pool=200", "--slots=1"), 200);
}

static void test_few_wait_where_few_files_may_be_open(void **state) {
    (void)state;
    struct rlimit few;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &few), 0);
    few.rlim_cur = 64;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    assert_int_equal(completed_pool("--start=warm", "--slots=4"), 16); /* it is raised */
    few.rlim_max = 1024;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    assert_int_equal(completed_pool("--start=warm", "--slots=8"), 16);
    assert_int_equal(completed_pool("--start=warm", "--slots=32"), 4);
    few.rlim_max = 256;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    assert_int_equal(completed_pool("--start=warm", "--slots=4"), 4);
    assert_int_equal(completed_pool("--start=cold", "--slots=4"), 4);
    assert_int_equal(completed_pool("--pool=200", "--slots=4"), 200); /* what was said stays */
}

static void test_requests_and_answers_have_a_share_of_the_memory(void **state) {
    (void)state;
    struct config config;
    config_init(&config);
    config_complete(&config);
    assert_in_range(config.requests_mb, 40, 160); /* 32 MB are the largest body */
    assert_in_range(config.answers_mb, 40, 256);
    config_init(&config);
    config.input_mb = config.output_mb = 64;
    config_complete(&config);
    assert_int_equal(config.requests_mb, 243);
    assert_int_equal(config.answers_mb, 256);
}

static void test_uids_are_nobody_elses(void **state) {
    (void)state;
    static const struct {
        unsigned base;
        bool right;
    } rows[] = {{1, false},    {999, false},   {1000, true},
                {20000, true}, {65000, false}, {65534, false}};
    struct config config;
    char error[256];
    config_init(&config);
    config_complete(&config);
    assert_int_equal(config_check_uids(&config, error, sizeof(error)), 0); /* chosen at random */
    config.slots = 32;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        config.uid_base = rows[i].base;
        int r = config_check_uids(&config, error, sizeof(error));
        assert_int_equal(r, rows[i].right ? 0 : -EINVAL);
        if (r < 0)
            assert_ptr_equal(strstr(error, "--uid-base: "), error);
    }
    /* The last of all is what counts. */
    config.uid_base =
        65534 - config_total_slots(&config) * CONFIG_UID_RANGES * CONFIG_UIDS_PER_SLOT - 1;
    assert_int_equal(config_check_uids(&config, error, sizeof(error)), 0);
    config.uid_base++;
    assert_int_equal(config_check_uids(&config, error, sizeof(error)), -EINVAL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_machine_fills_in_slots_and_uids),
        cmocka_unit_test(test_more_wait_where_more_run),
        cmocka_unit_test(test_requests_and_answers_have_a_share_of_the_memory),
        cmocka_unit_test(test_uids_are_nobody_elses),
        cmocka_unit_test(test_few_wait_where_few_files_may_be_open), /* last: it keeps the limit */
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
