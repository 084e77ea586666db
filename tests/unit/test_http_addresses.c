/* http_addresses: what counts as one address, and counting. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>

#include "http_addresses.h"

static uint64_t key(const char *text) {
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = (in_port_t)rand()};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = (in_port_t)rand()};
    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
        return http_address_key((struct sockaddr *)&v4);
    assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
    return http_address_key((struct sockaddr *)&v6);
}

static void test_keys(void **state) {
    (void)state;
    assert_true(key("10.0.0.1") == key("10.0.0.1"));
    assert_true(key("10.0.0.1") == key("::ffff:10.0.0.1"));
    assert_true(key("10.0.0.1") != key("10.0.0.2"));
    assert_true(key("10.0.0.1") != key("10.0.1.1"));
    assert_true(key("2001:db8::1") == key("2001:db8::ffff:1"));
    assert_true(key("2001:db8::1") != key("2001:db8:0:1::1"));
    assert_true(key("::1") != key("0.0.0.1"));
}

static void test_counts(void **state) {
    (void)state;
    static struct http_addresses addresses;
    for (int round = 0; round < 2; round++) {
        assert_true(http_addresses_enter(&addresses, 1, 2));
        assert_true(http_addresses_enter(&addresses, 1, 2));
        assert_false(http_addresses_enter(&addresses, 1, 2));
        assert_true(http_addresses_enter(&addresses, 2, 2));
        http_addresses_leave(&addresses, 1);
        assert_true(http_addresses_enter(&addresses, 1, 2));
        http_addresses_leave(&addresses, 1);
        http_addresses_leave(&addresses, 2);
        http_addresses_leave(&addresses, 1);
    }
    for (unsigned i = 0; i < HTTP_ADDRESS_BUCKETS; i++)
        assert_null(addresses.buckets[i]);
}

/* More addresses than buckets: some share one. */
static void test_many(void **state) {
    (void)state;
    static struct http_addresses addresses;
    const uint64_t many = 5ULL * HTTP_ADDRESS_BUCKETS;
    for (uint64_t i = 0; i < many; i++)
        assert_true(http_addresses_enter(&addresses, i << 32, 1));
    for (uint64_t i = 0; i < many; i++)
        assert_false(http_addresses_enter(&addresses, i << 32, 1));
    for (uint64_t i = many; i-- > 0;)
        http_addresses_leave(&addresses, i << 32);
    for (unsigned i = 0; i < HTTP_ADDRESS_BUCKETS; i++)
        assert_null(addresses.buckets[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
