/* http_routes and page_files: which paths there are, for whom, and what is said of the others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "http_routes.h"
#include "page_files.h"

static void test_targets(void **state) {
    (void)state;
    static const struct {
        const char *path;
        enum http_target target;
        bool open;
    } rows[] = {
        {"/execute", TARGET_EXECUTE, false},
        {"/health", TARGET_HEALTH, true},
        {"/ready", TARGET_READY, true},
        {"/metrics", TARGET_METRICS, false},
        {"/", TARGET_PAGE, true},
        {"/assets/page.js", TARGET_PAGE, true},
        {"/assets/codemirror.js", TARGET_PAGE, true},
        {"", TARGET_OTHER, false},
        {"//", TARGET_OTHER, false},
        {"/assets/", TARGET_OTHER, false},
        {"/assets/page.j", TARGET_OTHER, false},
        {"/assets/page.js/", TARGET_OTHER, false},
        {"/healthx", TARGET_OTHER, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(http_route_target(rows[i].path), rows[i].target);
        assert_int_equal(http_route_is_open(rows[i].path), rows[i].open);
    }
}

static void test_methods(void **state) {
    (void)state;
    static const struct {
        const char *path, *method;
        int status; /* 0: accepted */
    } rows[] = {
        {"/", "GET", 0},
        {"/", "HEAD", 0},
        {"/", "POST", 405},
        {"/", "get", 405},
        {"/", "GE", 405},
        {"/assets/page.css", "GET", 0},
        {"/assets/page.css", "PUT", 405},
        {"/assets/none.css", "GET", 404},
        {"/execute", "GET", 405},
        {"/execute", "POST", 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct http_refusal refusal = {0};
        const struct http_route *route =
            http_route_find(rows[i].path, rows[i].method, "application/json", NULL, &refusal);
        assert_int_equal(route == NULL, rows[i].status != 0);
        assert_int_equal(refusal.status, rows[i].status);
        assert_int_equal(refusal.allow != NULL, rows[i].status == 405);
    }
}

static void test_file(void **state) {
    (void)state;
    const struct page_file *file = page_file_find("/assets/page.js");
    assert_non_null(file);
    assert_ptr_equal(file, page_file_find("/assets/page.js"));
    assert_string_equal(file->type, "text/javascript; charset=utf-8");
    assert_memory_equal(file->bytes, "/* page: ", 9);
    assert_int_equal(file->bytes[file->size - 1], '\n');
    assert_null(memchr(file->bytes, 0, file->size));
    assert_int_equal(strlen(file->etag), 18);
    assert_string_not_equal(file->etag, page_file_find("/")->etag);
    assert_null(page_file_find("/assets/page.jsx"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_targets),
        cmocka_unit_test(test_methods),
        cmocka_unit_test(test_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
