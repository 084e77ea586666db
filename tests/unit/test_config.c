/* config: flags over environment over defaults, and what a bad value says. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config.h"
#include "config_table.h"
#include "protocol.h"

static const char *environment(const char *name) {
    return strcmp(name, "PORT") == 0 ? "9001" : strcmp(name, "CODE_RUNNER_SLOTS") == 0 ? "" : NULL;
}

static const char *bad_environment(const char *name) {
    return strcmp(name, "CODE_RUNNER_MEMORY_MB") == 0 ? "lots" : NULL;
}

static int parse(struct config *config, const char *(*env)(const char *), char *error, int count,
                 ...) {
    char *argv[16] = {(char *)"code-runner"};
    va_list list;
    va_start(list, count);
    for (int i = 1; i <= count; i++)
        argv[i] = va_arg(list, char *);
    va_end(list);
    error[0] = 0;
    return config_parse(config, count + 1, argv, env, error, 256);
}

static void test_defaults_are_the_contract(void **state) {
    (void)state;
    struct config config;
    config_init(&config);
    assert_int_equal(config.port, 8080);
    assert_string_equal(config.address, "0.0.0.0");
    assert_int_equal(config.timeout_s, 30);
    assert_int_equal(config.memory_mb, 300);
    assert_int_equal(config.file_mb, 10);
    assert_int_equal(config.output_mb, 10);
    assert_int_equal(config.script_bytes, 50000);
    assert_int_equal(config.role, ROLE_MONITOR);
}

static void test_flags_win_over_environment(void **state) {
    (void)state;
    struct config config;
    char error[256];
    assert_int_equal(parse(&config, environment, error, 0), 0);
    assert_int_equal(config.port, 9001);
    assert_int_equal(config.slots, 0); /* an empty variable is none */
    assert_int_equal(parse(&config, environment, error, 2, "--port", "9002"), 0);
    assert_int_equal(config.port, 9002);
    assert_int_equal(parse(&config, environment, error, 1, "--port=9003"), 0);
    assert_int_equal(config.port, 9003);
}

static void test_layers_are_a_set_and_reach_the_roles(void **state) {
    (void)state;
    struct config config;
    char error[256];
    assert_int_equal(
        parse(&config, NULL, error, 2, "--require=landlock,namespaces", "--without=cgroup"), 0);
    assert_int_equal(config.require, 1u << LAYER_LANDLOCK | 1u << LAYER_NAMESPACES);
    assert_int_equal(config.without, 1u << LAYER_CGROUP);
    char **argv = config_argv(&config, "code-runner", ROLE_ZYGOTE);
    bool require = false, without = false;
    for (char **argument = argv; *argument; argument++) {
        require |= strcmp(*argument, "--require=namespaces,landlock") == 0;
        without |= strcmp(*argument, "--without=cgroup") == 0;
    }
    config_argv_free(argv);
    assert_true(require && without);
    /* What must hold everywhere cannot be left out; a word must be whole; none may be empty. */
    assert_int_equal(parse(&config, NULL, error, 1, "--without=seccomp"), -EINVAL);
    assert_non_null(strstr(error, "--without: 'seccomp'"));
    assert_int_equal(parse(&config, NULL, error, 1, "--require=land"), -EINVAL);
    assert_int_equal(parse(&config, NULL, error, 1, "--require=landlock,"), -EINVAL);
    assert_int_equal(parse(&config, NULL, error, 1, "--require=,landlock"), -EINVAL);
    assert_int_equal(parse(&config, NULL, error, 1, "--require="), -EINVAL);
}

static void test_names_of_layers(void **state) {
    (void)state;
    char name[LAYER_NAME_SIZE];
    layer_name(LAYER_NAMESPACES, name, sizeof(name));
    assert_string_equal(name, "namespaces");
    layer_name(LAYER_COUNT - 1, name, sizeof(name));
    assert_string_equal(name, "file-modes");
    layer_name(LAYER_COUNT, name, sizeof(name));
    assert_string_equal(name, "unknown");
}

static void test_bad_values_name_the_option(void **state) {
    (void)state;
    static const struct {
        const char *argument, *says;
    } rows[] = {
        {"--port=0", "--port"},
        {"--port=65536", "65535"},
        {"--port=8o", "'8o'"},
        {"--port=", "--port"},
        {"--port", "--port: needs"},
        {"--port=-1", "--port"},
        {"--memory-mb=1", "--memory-mb"},
        {"--start=hot", "--start: 'hot'"},
        {"--nonsense", "--nonsense"},
        {"--help=yes", "--help: takes no value"},
        {"port=1", "port: no such option"},
        {"--tokens=secret", "--tokens: no such option"},
        {"--port=99999999999999999999", "--port"},
        {"--address=", "--address"},
        {"--por=1", "--por"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct config config;
        char error[256];
        assert_int_equal(parse(&config, NULL, error, 1, rows[i].argument), -22);
        if (!strstr(error, rows[i].says))
            fail_msg("%s: says '%s'", rows[i].argument, error);
    }
    struct config config;
    char error[256];
    assert_int_equal(parse(&config, bad_environment, error, 0), -22);
    assert_non_null(strstr(error, "CODE_RUNNER_MEMORY_MB"));
}

static const char *one_name, *one_value;

static const char *one_variable(const char *name) {
    return strcmp(name, one_name) == 0 ? one_value : NULL;
}

/* By flag and by variable; it is the option's name that the text begins with. */
static void expect_bad(const struct option_row *row, const char *value) {
    struct config config;
    char argument[2048], source[80], error[256];
    snprintf(argument, sizeof(argument), "--%s=%s", row->name, value);
    snprintf(source, sizeof(source), "--%s: ", row->name);
    if (parse(&config, NULL, error, 1, argument) != -EINVAL || strstr(error, source) != error)
        fail_msg("%s: says '%s'", argument, error);
    /* An empty variable is none, but of what is to let less in. */
    bool guards = strcmp(row->name, "require") == 0 || strcmp(row->name, "token-file") == 0;
    if (!row->environment || (!*value && !guards))
        return;
    one_name = row->environment;
    one_value = value;
    snprintf(source, sizeof(source), "%s: ", row->environment);
    if (parse(&config, one_variable, error, 0) != -EINVAL || strstr(error, source) != error)
        fail_msg("%s=%s: says '%s'", row->environment, value, error);
}

static void expect_bad_numbers(const struct option_row *row) {
    static const char *const none[] = {"", "x", "1x", "-1", "+1", " 1", "1 ", "1.5", "0x10", "1e3"};
    char value[32];
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
        expect_bad(row, none[i]);
    if (row->lowest > 0) {
        snprintf(value, sizeof(value), "%llu", (unsigned long long)row->lowest - 1);
        expect_bad(row, value);
    }
    if (row->highest < UINT64_MAX) {
        snprintf(value, sizeof(value), "%llu", (unsigned long long)row->highest + 1);
        expect_bad(row, value);
    }
    expect_bad(row, "18446744073709551616");
}

static void expect_bad_texts(const struct option_row *row) {
    static const struct {
        const char *name, *value;
    } rows[] = {
        {"address", "localhost"},       {"address", "1.2.3"}, {"address", "::1]"},
        {"preload", "numpy,"},          {"preload", "a;b"},   {"preload", "../x"},
        {"python", "bin/python3"},      {"cors-origin", "a"}, {"cors-origin", "https://a/"},
        {"cors-origin", "https://a,*"},
    };
    char long_text[1024];
    bool is_checked = false;
    expect_bad(row, "");
    memset(long_text, '1', sizeof(long_text));
    long_text[row->size] = 0;
    expect_bad(row, long_text);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (strcmp(rows[i].name, row->name) == 0) {
            expect_bad(row, rows[i].value);
            is_checked = true;
        }
    if (is_checked != (row->check != NULL))
        fail_msg("--%s has a check and no bad values here, or the other way round", row->name);
}

static void test_every_bad_value_names_its_option(void **state) {
    (void)state;
    for (const struct option_row *row = option_table; row < option_table + option_count; row++)
        switch (row->kind) {
        case OPTION_NUMBER:
            expect_bad_numbers(row);
            break;
        case OPTION_TEXT:
            expect_bad_texts(row);
            break;
        case OPTION_SWITCH:
            expect_bad(row, "");
            expect_bad(row, "yes");
            break;
        default:
            expect_bad(row, "");
            expect_bad(row, "nonsense");
            expect_bad(row, "|");
        }
}

static void test_good_texts(void **state) {
    (void)state;
    static const char *const good[] = {
        "--address=::",          "--address=127.0.0.1",
        "--preload=none",        "--preload=numpy,scipy.linalg",
        "--python=/bin/python3", "--cors-origin=https://a.example,http://b.example:81",
        "--cors-origin=*",       "--token-file=tokens",
    };
    struct config config;
    char error[256];
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        if (parse(&config, NULL, error, 1, good[i]) != 0)
            fail_msg("%s: %s", good[i], error);
}

/* The whole struct says the same, whatever was there before. */
static void test_the_last_value_counts_alone(void **state) {
    (void)state;
    struct config once, twice;
    char error[256];
    assert_int_equal(parse(&once, NULL, error, 1, "--python=/b"), 0);
    assert_int_equal(
        parse(&twice, NULL, error, 2, "--python=/usr/local/bin/python3", "--python=/b"), 0);
    assert_memory_equal(&once, &twice, sizeof(once));
}

static void test_roles_get_the_same_settings(void **state) {
    (void)state;
    struct config config, copy;
    char error[256];
    assert_int_equal(parse(&config, NULL, error, 3, "--slots=3", "--memory-mb=77", "--address=::1"),
                     0);
    config.uid_base = 30000;
    char **argv = config_argv(&config, "program", ROLE_ZYGOTE);
    assert_non_null(argv);
    int argc = 0;
    while (argv[argc])
        argc++;
    assert_int_equal(config_parse(&copy, argc, argv, NULL, error, sizeof(error)), 0);
    assert_int_equal(copy.role, ROLE_ZYGOTE);
    copy.role = config.role;
    assert_memory_equal(&copy, &config, sizeof(config));
    config_argv_free(argv);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults_are_the_contract),
        cmocka_unit_test(test_flags_win_over_environment),
        cmocka_unit_test(test_layers_are_a_set_and_reach_the_roles),
        cmocka_unit_test(test_names_of_layers),
        cmocka_unit_test(test_bad_values_name_the_option),
        cmocka_unit_test(test_every_bad_value_names_its_option),
        cmocka_unit_test(test_good_texts),
        cmocka_unit_test(test_the_last_value_counts_alone),
        cmocka_unit_test(test_roles_get_the_same_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
