/* cors: which lists are good, and which origins they allow. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cors.h"

static void test_lists(void **state) {
    (void)state;
    static const char *const good[] = {
        "*",
        "https://a.example",
        "http://localhost:3000",
        "http://[::1]:8080",
        "http://127.0.0.1",
        "https://a.example,https://b-c.example:65535",
    };
    static const char *const bad[] = {
        "a.example",
        "https://",
        "https://a.example/",
        "https://a.example/path",
        "https://A.example",
        "https://a.example, https://b.example",
        "https://a.example,",
        ",https://a.example",
        "https://a.example,*",
        "https://*.example",
        "https://a.example:",
        "https://a.example:123456",
        "https://a.example:8o",
        "https://user@a.example",
        "http://[::1",
        "http://[]",
        "ftp://a.example",
        "null",
        "https://a.example\r\nX: y",
    };
    char error[256];
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        if (cors_check(good[i], error, sizeof(error)) != 0)
            fail_msg("%s", good[i]);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (cors_check(bad[i], error, sizeof(error)) != -EINVAL)
            fail_msg("%s", bad[i]);
}

static void test_origins(void **state) {
    (void)state;
    static const char list[] = "https://a.example,http://b.example:81";
    assert_string_equal(cors_allow(list, "https://a.example"), "https://a.example");
    assert_string_equal(cors_allow(list, "http://b.example:81"), "http://b.example:81");
    static const char *const others[] = {
        "http://a.example",
        "https://a.example:443",
        "https://a.exampl",
        "https://a.example/",
        "https://a.example.evil",
        "http://b.example",
        "null",
        "",
        "https://a.example,http://b.example:81",
        "*",
        ",",
    };
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (cors_allow(list, others[i]))
            fail_msg("%s", others[i]);
    assert_null(cors_allow(list, NULL));
    assert_null(cors_allow("", "https://a.example"));
    assert_null(cors_allow("", ""));
    assert_string_equal(cors_allow("*", "https://whoever.example"), "*");
    assert_null(cors_allow("*", NULL));
}

static void test_addresses(void **state) {
    (void)state;
    static const char *const same[][2] = {
        {"http://127.0.0.1:8080", "127.0.0.1:8080"}, {"https://10.0.0.1", "10.0.0.1"},
        {"http://localhost:8080", "localhost:8080"}, {"http://localhost", "localhost"},
        {"http://[::1]:8080", "[::1]:8080"},
    };
    static const char *const others[][2] = {
        {"http://127.0.0.1:8081", "127.0.0.1:8080"},
        {"http://127.0.0.1", "127.0.0.1:8080"},
        {"http://evil.example:8080", "evil.example:8080"},
        {"http://localhost.evil.example", "localhost.evil.example"},
        {"http://127.0.0.1.evil.example", "127.0.0.1.evil.example"},
        {"http://localhosts", "localhosts"},
        {"http://:8080", ":8080"},
        {"http://[::1", "[::1"},
        {"null", "null"},
        {"", ""},
        {"//localhost", "localhost"},
        {"ftp://localhost", "localhost"},
    };
    for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
        if (!cors_is_same_address(same[i][0], same[i][1]))
            fail_msg("%s", same[i][0]);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (cors_is_same_address(others[i][0], others[i][1]))
            fail_msg("%s", others[i][0]);
    assert_false(cors_is_same_address("http://localhost", NULL));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_origins),
        cmocka_unit_test(test_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
