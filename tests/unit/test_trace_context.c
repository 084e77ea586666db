/* trace_context and request_id: what is taken from a client's headers, and what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "request_id.h"
#include "trace_context.h"

#define TRACE "0af7651916cd43dd8448eb211c80319c"
#define SPAN "b7ad6b7169203331"

/* span NULL: malformed. */
struct row {
    const char *value, *span;
};

static void check(const struct row *row, bool (*parse)(const char *, struct trace_context *)) {
    struct trace_context context = {"before", "before"};
    bool is_good = parse(row->value, &context);
    if (is_good != (row->span != NULL))
        print_error("'%s'\n", row->value);
    assert_int_equal(is_good, row->span != NULL);
    assert_string_equal(context.trace, row->span ? TRACE : "before");
    assert_string_equal(context.span, row->span ? row->span : "before");
}

static void test_traceparent(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"00-" TRACE "-" SPAN "-01", SPAN},
        {"00-" TRACE "-" SPAN "-00", SPAN},
        {"cc-" TRACE "-" SPAN "-01", SPAN},
        {"cc-" TRACE "-" SPAN "-01-what-comes", SPAN},
        {"", NULL},
        {"00", NULL},
        {TRACE, NULL},
        {"00-" TRACE "-" SPAN "-01-more", NULL},
        {"00-" TRACE "-" SPAN "-01 ", NULL},
        {" 00-" TRACE "-" SPAN "-01", NULL},
        {"cc-" TRACE "-" SPAN "-01.more", NULL},
        {"ff-" TRACE "-" SPAN "-01", NULL},
        {"0x-" TRACE "-" SPAN "-01", NULL},
        {"00-" TRACE "-" SPAN "-0g", NULL},
        {"00-" TRACE "-" SPAN "-1", NULL},
        {"00_" TRACE "-" SPAN "-01", NULL},
        {"00-" TRACE "_" SPAN "-01", NULL},
        {"00-" TRACE "-" SPAN "_01", NULL},
        {"00-0AF7651916CD43DD8448EB211C80319C-" SPAN "-01", NULL},
        {"00-0af7651916cd43dd8448eb211c80319\"-" SPAN "-01", NULL},
        {"00-" TRACE "-b7ad6b716920333\n-01", NULL},
        {"00-00000000000000000000000000000000-" SPAN "-01", NULL},
        {"00-" TRACE "-0000000000000000-01", NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        check(&rows[i], trace_context_parse_w3c);
}

static void test_cloud_trace_context(void **state) {
    (void)state;
    static const struct row rows[] = {
        {TRACE, ""},
        {TRACE "/1", "0000000000000001"},
        {TRACE "/13235353014750950193;o=1", SPAN},
        {TRACE "/18446744073709551615", "ffffffffffffffff"},
        {TRACE "/0;o=1", ""},
        {TRACE ";o=0", ""},
        {"0AF7651916CD43DD8448EB211C80319C/1", "0000000000000001"},
        {"", NULL},
        {"0af7651916cd43dd8448eb211c80319", NULL},
        {TRACE "0", NULL},
        {TRACE "/", NULL},
        {TRACE "/ 1", NULL},
        {TRACE "/-1", NULL},
        {TRACE "/+1", NULL},
        {TRACE "/" SPAN, NULL},
        {TRACE "/18446744073709551616", NULL},
        {TRACE "/1;", NULL},
        {TRACE "/1;o=", NULL},
        {TRACE "/1;o=9", NULL},
        {TRACE "/1;o=11", NULL},
        {TRACE "/1 ;o=1", NULL},
        {TRACE "\n", NULL},
        {"00000000000000000000000000000000/1", NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        check(&rows[i], trace_context_parse_cloud);
}

static void test_which_request_ids_are_repeated(void **state) {
    (void)state;
    char longest[REQUEST_ID_BYTES + 1];
    memset(longest, 'x', sizeof(longest));
    longest[128] = 0;
    assert_true(request_id_is_valid(longest));
    longest[128] = 'x';
    longest[129] = 0;
    assert_false(request_id_is_valid(longest));
    assert_true(request_id_is_valid("a"));
    assert_true(request_id_is_valid("Az09._-"));
    const char *const refused[] = {"",    " ",        "a b", "a\n", "a\r\nX: y",
                                   "a\"", "\xc3\xa9", "a/b", "a,b", "\x7f"};
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        assert_false(request_id_is_valid(refused[i]));
}

static void test_made_request_ids_differ(void **state) {
    (void)state;
    enum { COUNT = 100 };
    char ids[COUNT][REQUEST_ID_BYTES];
    for (int i = 0; i < COUNT; i++) {
        request_id_make(ids[i]);
        assert_int_equal(strspn(ids[i], "0123456789abcdef"), 32);
        assert_int_equal(strlen(ids[i]), 32);
        for (int j = 0; j < i; j++)
            assert_string_not_equal(ids[i], ids[j]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_traceparent),
        cmocka_unit_test(test_cloud_trace_context),
        cmocka_unit_test(test_which_request_ids_are_repeated),
        cmocka_unit_test(test_made_request_ids_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
