/*
 * Unit tests of buf: the ceiling, all-or-nothing appends, the NUL behind the data.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "buf.h"

/* A sanitizer's allocator must answer NULL like any other, for the test of too little memory. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) {
    return "allocator_may_return_null=1";
}

static void expect(const struct buf *buf, const char *text) {
    assert_int_equal(buf->size, strlen(text));
    assert_string_equal(buf->data, text);
    assert_true(buf->capacity > buf->size);
    assert_true(buf->capacity <= buf->ceiling + 1);
    assert_int_equal(buf_room(buf), buf->ceiling - buf->size);
}

static void test_append_fills_up_to_the_ceiling(void **state) {
    (void)state;
    struct buf buf;
    buf_init(&buf, 10);
    assert_null(buf.data);
    assert_int_equal(buf_room(&buf), 10);
    assert_int_equal(buf_append(&buf, NULL, 0), 0);
    assert_null(buf.data);
    assert_int_equal(buf_append_text(&buf, "abcdef"), 0);
    expect(&buf, "abcdef");
    assert_int_equal(buf_append(&buf, "12345", 5), -EFBIG);
    expect(&buf, "abcdef");
    assert_int_equal(buf_append(&buf, "1234", 4), 0);
    expect(&buf, "abcdef1234");
    assert_int_equal(buf_append(&buf, "x", 1), -EFBIG);
    assert_int_equal(buf_append(&buf, "x", SIZE_MAX), -EFBIG);
    expect(&buf, "abcdef1234");
    buf_done(&buf);
    assert_null(buf.data);
    assert_int_equal(buf.ceiling, 10);
    assert_int_equal(buf_append_text(&buf, "again"), 0);
    expect(&buf, "again");
    buf_done(&buf);
}

static void test_many_appends_equal_one(void **state) {
    (void)state;
    struct buf buf;
    buf_init(&buf, 100000);
    for (int i = 0; i < 100000; i++) {
        char byte = (char)(i * 7);
        assert_int_equal(buf_append(&buf, &byte, 1), 0);
    }
    assert_int_equal(buf_room(&buf), 0);
    for (int i = 0; i < 100000; i++)
        assert_int_equal(buf.data[i], (char)(i * 7));
    assert_int_equal(buf.data[100000], '\0');
    buf_done(&buf);
}

static void test_storage_stays_under_every_ceiling(void **state) {
    (void)state;
    for (size_t ceiling = 1; ceiling < 300; ceiling++) {
        struct buf buf;
        buf_init(&buf, ceiling);
        for (size_t i = 0; i < ceiling; i++) {
            assert_int_equal(buf_append(&buf, "x", 1), 0);
            assert_true(buf.capacity > buf.size && buf.capacity <= ceiling + 1);
        }
        assert_int_equal(buf_append(&buf, "x", 1), -EFBIG);
        buf_done(&buf);
    }
}

static void test_printf_is_all_or_nothing(void **state) {
    (void)state;
    struct buf buf;
    buf_init(&buf, 8);
    assert_int_equal(buf_printf(&buf, "%d-%s", 12, "ab"), 0);
    expect(&buf, "12-ab");
    assert_int_equal(buf_printf(&buf, "%d", 1234), -EFBIG);
    expect(&buf, "12-ab");
    assert_int_equal(buf_printf(&buf, "%d", 678), 0);
    expect(&buf, "12-ab678");
    assert_int_equal(buf_printf(&buf, "%s", ""), 0);
    expect(&buf, "12-ab678");
    buf_done(&buf);
}

static void test_reserve_counts_nothing_until_commit(void **state) {
    (void)state;
    struct buf buf;
    buf_init(&buf, 300);
    char *place = buf_reserve(&buf, 300);
    assert_non_null(place);
    assert_int_equal(buf.size, 0);
    memset(place, 'x', 300);
    buf_commit(&buf, 3);
    expect(&buf, "xxx");
    assert_non_null(buf_reserve(&buf, 297));
    errno = 0;
    assert_null(buf_reserve(&buf, 298));
    assert_int_equal(errno, EFBIG);
    expect(&buf, "xxx");
    buf_done(&buf);
}

static void test_out_of_memory_changes_nothing(void **state) {
    (void)state;
    struct buf buf;
    buf_init(&buf, SIZE_MAX);
    assert_int_equal(buf_append_text(&buf, "kept"), 0);
    errno = 0;
    assert_null(buf_reserve(&buf, (size_t)1 << 60));
    assert_int_equal(errno, ENOMEM);
    assert_int_equal(buf_append(&buf, "x", SIZE_MAX), -EFBIG);
    expect(&buf, "kept");
    buf_done(&buf);
}

static void test_take_hands_over(void **state) {
    (void)state;
    struct buf buf;
    size_t size = 77;
    buf_init(&buf, 20);
    assert_null(buf_take(&buf, &size));
    assert_int_equal(size, 0);
    assert_int_equal(buf_append_text(&buf, "mine"), 0);
    char *data = buf_take(&buf, &size);
    assert_int_equal(size, 4);
    assert_string_equal(data, "mine");
    free(data);
    assert_null(buf.data);
    assert_int_equal(buf_room(&buf), 20);
    assert_int_equal(buf_append_text(&buf, "new"), 0);
    expect(&buf, "new");
    buf_done(&buf);
}

static void test_ceiling_zero_takes_nothing(void **state) {
    (void)state;
    struct buf buf;
    buf_init(&buf, 0);
    assert_int_equal(buf_append(&buf, "x", 1), -EFBIG);
    assert_int_equal(buf_append(&buf, "", 0), 0);
    assert_int_equal(buf.size, 0);
    buf_done(&buf);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_append_fills_up_to_the_ceiling),
        cmocka_unit_test(test_many_appends_equal_one),
        cmocka_unit_test(test_storage_stays_under_every_ceiling),
        cmocka_unit_test(test_printf_is_all_or_nothing),
        cmocka_unit_test(test_reserve_counts_nothing_until_commit),
        cmocka_unit_test(test_out_of_memory_changes_nothing),
        cmocka_unit_test(test_take_hands_over),
        cmocka_unit_test(test_ceiling_zero_takes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
