/* tokens: what a file or a variable may hold, and which header lets in. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tokens.h"

#define LONGEST                                                                                    \
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"                             \
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"                             \
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"                             \
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static char error[256];

static int parse(const char *text, enum tokens_form form, struct tokens *ret_tokens) {
    error[0] = 0;
    return tokens_parse(text, strlen(text), form, "source", ret_tokens, error, sizeof(error));
}

static void test_forms(void **state) {
    (void)state;
    static const struct {
        const char *text;
        enum tokens_form form;
        unsigned count;
    } rows[] = {
        {"abc", TOKENS_LINES, 1},
        {"abc\n", TOKENS_LINES, 1},
        {"abc\r\ndef\r\n", TOKENS_LINES, 2},
        {"# old\n\n  abc\t\n   # comment\nAZaz09-._~+/=\n\n", TOKENS_LINES, 2},
        {"abc,def", TOKENS_COMMAS, 2},
        {" abc , def ,", TOKENS_COMMAS, 2},
        {LONGEST, TOKENS_LINES, 1},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tokens tokens = {.count = 99};
        if (parse(rows[i].text, rows[i].form, &tokens) != 0 || tokens.count != rows[i].count)
            fail_msg("row %zu: %u tokens, '%s'", i, tokens.count, error);
    }
}

static void test_what_is_refused(void **state) {
    (void)state;
    static const struct {
        const char *text;
        enum tokens_form form;
        const char *says;
    } rows[] = {
        {"", TOKENS_LINES, "source: there is no token"},
        {"\n# only this\n \t\n", TOKENS_LINES, "no token"},
        {" , ,", TOKENS_COMMAS, "no token"},
        {"good\nbad one\n", TOKENS_LINES, "source: line 2"},
        {"good\nb\xc3\xa4"
         "d\n",
         TOKENS_LINES, "line 2"},
        {"good,bad\"", TOKENS_COMMAS, "token 2"},
        {"#good,x", TOKENS_COMMAS, "token 1"}, /* only a file has comments */
        {LONGEST "0", TOKENS_LINES, "at most 256"},
        {"a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,r,s,t,u,v,w,x,y,z,A,B,C,D,E,F,G", TOKENS_COMMAS,
         "more than 32"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct tokens tokens = {.count = 99};
        if (parse(rows[i].text, rows[i].form, &tokens) != -EINVAL || tokens.count != 99 ||
            !strstr(error, rows[i].says))
            fail_msg("row %zu: '%s'", i, error);
        assert_null(strstr(error, "bad"));
        assert_null(strstr(error, "0123"));
    }
    struct tokens tokens;
    assert_int_equal(
        tokens_parse("abc\0def", 7, TOKENS_LINES, "source", &tokens, error, sizeof(error)),
        -EINVAL);
}

static void test_who_is_let_in(void **state) {
    (void)state;
    static const struct {
        const char *header;
        bool allowed;
    } rows[] = {
        {"Bearer first", true},
        {"Bearer second", true},
        {"bearer first", true}, /* schemes have no case: RFC 9110, 11.1 */
        {"Bearer   first", true},
        {"Bearer " LONGEST, true},
        {"Bearer " LONGEST "0", false},
        {"Bearer First", false},
        {"Bearer firs", false},
        {"Bearer firsts", false},
        {"Bearer first ", false},
        {"Bearer first,second", false},
        {"Bearer ", false},
        {"Bearer", false},
        {"Bearerfirst", false},
        {"Basic first", false},
        {"first", false},
        {"", false},
        {NULL, false},
    };
    struct tokens tokens;
    assert_int_equal(parse("first\nsecond\n" LONGEST, TOKENS_LINES, &tokens), 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (tokens_allow(&tokens, rows[i].header) != rows[i].allowed)
            fail_msg("'%s'", rows[i].header ? rows[i].header : "no header");
    /* None is needed: even a header that makes no sense does no harm. */
    tokens.count = 0;
    assert_true(tokens_allow(&tokens, NULL));
    assert_true(tokens_allow(&tokens, "Basic x"));
}

/* What follows a shorter token in its place is part of the comparison. */
static void test_padding_is_no_wildcard(void **state) {
    (void)state;
    struct tokens tokens;
    assert_int_equal(parse(LONGEST ",a", TOKENS_COMMAS, &tokens), 0);
    assert_true(tokens_allow(&tokens, "Bearer a"));
    assert_false(tokens_allow(&tokens, "Bearer aa"));
    assert_false(tokens_allow(&tokens, "Bearer 0"));
}

static void test_files(void **state) {
    (void)state;
    char path[] = "/tmp/test-tokens-XXXXXX";
    struct tokens tokens;
    bool exposed = true;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "abc\n", 4), 4);
    assert_int_equal(tokens_load(path, &tokens, &exposed, error, sizeof(error)), 0);
    assert_false(exposed);
    assert_true(tokens_allow(&tokens, "Bearer abc"));
    assert_int_equal(fchmod(fd, 0644), 0);
    assert_int_equal(tokens_load(path, &tokens, &exposed, error, sizeof(error)), 0);
    assert_true(exposed);
    assert_int_equal(ftruncate(fd, (64 << 10) + 1), 0);
    assert_int_equal(tokens_load(path, &tokens, &exposed, error, sizeof(error)), -EINVAL);
    assert_non_null(strstr(error, "64 KiB"));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(tokens_load(path, &tokens, &exposed, error, sizeof(error)), -EINVAL);
    assert_string_equal(error, "--token-file: No such file or directory");
    /* A fifo without a writer must not make it wait. */
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(tokens_load(path, &tokens, &exposed, error, sizeof(error)), -EINVAL);
    assert_non_null(strstr(error, "regular"));
    unlink(path);
    close(fd);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),         cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_who_is_let_in), cmocka_unit_test(test_padding_is_no_wildcard),
        cmocka_unit_test(test_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
