/* plan: what follows from what an environment allows. The probe itself is tried by the service's
 * tests, in every environment. */
#include "plan.h"

#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config.h"

#define ALL_NAMESPACES (CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP)

static const struct plan privileged = {.pid_namespace = true,
                                       .keeper = true,
                                       .worker_namespaces = ALL_NAMESPACES,
                                       .network = NETWORK_SLOT,
                                       .private_root = true,
                                       .proc = PROC_SUBSET,
                                       .unique_uid = true,
                                       .bounding_set = true,
                                       .cgroup_version = 1,
                                       .landlock_abi = 7};
static const struct plan docker = {
    .keeper = true, .unique_uid = true, .bounding_set = true, .landlock_abi = 7};
static const struct plan docker_user = {.keeper = true, .landlock_abi = 7};
static const struct plan gvisor = {.user_namespace = USER_NAMESPACE_RANGE,
                                   .pid_namespace = true,
                                   .worker_namespaces = CLONE_NEWIPC | CLONE_NEWUTS,
                                   .network = NETWORK_SHARED,
                                   .unique_uid = true};

static bool has(const struct plan *plan, enum sandbox_layer layer) {
    return plan_layers(plan) & (1u << layer);
}

static int check(const struct plan *plan, uint64_t require, char error[256]) {
    struct config config = {.require = require};
    return plan_check(plan, &config, error, 256);
}

static void test_privileged_has_every_layer_and_no_fallback(void **state) {
    (void)state;
    char error[256];
    for (enum sandbox_layer layer = 0; layer < LAYER_WATCHDOG; layer++)
        assert_true(has(&privileged, layer));
    assert_false(has(&privileged, LAYER_WATCHDOG));
    assert_false(has(&privileged, LAYER_KILL_FILTER));
    assert_false(has(&privileged, LAYER_FILE_MODES));
    assert_int_equal(check(&privileged, (1u << LAYER_WATCHDOG) - 1, error), 0);
}

static void test_fallbacks_stand_for_what_is_missing(void **state) {
    (void)state;
    char error[256];
    assert_true(has(&docker, LAYER_WATCHDOG));
    assert_false(has(&docker, LAYER_KILL_FILTER)); /* unique uid */
    assert_true(has(&docker_user, LAYER_KILL_FILTER));
    assert_false(has(&gvisor, LAYER_KILL_FILTER)); /* pid namespace */
    assert_true(has(&gvisor, LAYER_FILE_MODES));
    assert_false(has(&gvisor, LAYER_PRIVATE_PROC));
    assert_true(has(&docker, LAYER_PRIVATE_PROC)); /* by Landlock */
    assert_int_equal(check(&docker, 0, error), 0);
    assert_int_equal(check(&docker_user, 0, error), 0);
    assert_int_equal(check(&gvisor, 0, error), 0);
}

static void test_names_of_sockets_need_a_private_root_and_private_names(void **state) {
    (void)state;
    struct plan plan = privileged;
    assert_true(plan_unix_sockets(&plan));
    plan.network = NETWORK_SHARED;
    assert_true(plan_unix_sockets(&plan)); /* Landlock's scope */
    plan.landlock_abi = 5;
    assert_false(plan_unix_sockets(&plan));
    plan.network = NETWORK_SLOT;
    assert_true(plan_unix_sockets(&plan));
    plan.private_root = false;
    assert_false(plan_unix_sockets(&plan));
}

static void test_refuses_without_a_layer_around_the_files(void **state) {
    (void)state;
    char error[256];
    struct plan plan = docker_user;
    plan.landlock_abi = 0;
    assert_int_equal(check(&plan, 0, error), -ENOTSUP);
    assert_non_null(strstr(error, "landlock"));
    plan.unique_uid = true;
    assert_int_equal(check(&plan, 0, error), 0);
}

static void test_refuses_where_daemons_would_live_on(void **state) {
    (void)state;
    char error[256];
    struct plan plan = docker;
    plan.keeper = false;
    assert_int_equal(check(&plan, 0, error), -ENOTSUP);
    plan.pid_namespace = true;
    assert_int_equal(check(&plan, 0, error), 0);
}

static void test_required_layer_is_named(void **state) {
    (void)state;
    char error[256];
    assert_int_equal(check(&docker, 1u << LAYER_LANDLOCK | 1u << LAYER_UNIQUE_UID, error), 0);
    assert_int_equal(check(&docker, 1u << LAYER_LANDLOCK | 1u << LAYER_CGROUP, error), -ENOTSUP);
    assert_non_null(strstr(error, "--require"));
    assert_non_null(strstr(error, "cgroup"));
    struct plan old = privileged;
    old.landlock_abi = 5;
    assert_int_equal(check(&old, 1u << LAYER_LANDLOCK_SCOPES, error), -ENOTSUP);
    assert_non_null(strstr(error, "landlock-scopes"));
}

static void test_table_has_a_row_a_layer(void **state) {
    (void)state;
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    plan_print(&docker, file);
    fclose(file);
    assert_non_null(strstr(text, "namespaces          no   else: unique uid"));
    assert_non_null(strstr(text, "landlock            yes  ABI 7"));
    assert_non_null(strstr(text, "watchdog            yes"));
    assert_null(strstr(text, "kill-filter"));
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_privileged_has_every_layer_and_no_fallback),
        cmocka_unit_test(test_fallbacks_stand_for_what_is_missing),
        cmocka_unit_test(test_names_of_sockets_need_a_private_root_and_private_names),
        cmocka_unit_test(test_refuses_without_a_layer_around_the_files),
        cmocka_unit_test(test_refuses_where_daemons_would_live_on),
        cmocka_unit_test(test_required_layer_is_named),
        cmocka_unit_test(test_table_has_a_row_a_layer),
    };
    return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
