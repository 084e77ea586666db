/*
 * Unit tests of response: figures and files, and with which outcomes they are there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "response.h"
#include "response_body.h"

static void attach(struct outcome *outcome, uint32_t type, const char *bytes, size_t size) {
    struct buf payload;
    buf_init(&payload, size);
    assert_int_equal(buf_append(&payload, bytes, size), 0);
    assert_int_equal(attachments_take(&outcome->attachments, type, &payload, 1000), 0);
    assert_null(payload.data);
}

#define PNG "\x89PNG\r\n\x1a\n"

static const char with_everything[] =
    "{\"result\": 1, \"stdout\": \"\", \"stderr\": \"warned\\nnoted\\n\", \"figures\": ["
    "{\"format\": \"png\", \"data\": \"iVBORw0KGgox\"}, "
    "{\"format\": \"png\", \"data\": \"iVBORw0KGgo=\"}], \"files\": "
    "{\"a\\\"b\": {\"data\": \"\", \"size\": 0}, \"d/e\": {\"data\": \"AP8=\", \"size\": 2}}}";

/* Figures and files in the order of their kind, whatever came first; a note ends stderr on a line
 * of its own. */
static void fill_everything(struct outcome *outcome) {
    static const struct row row = {VERDICT_SUCCESS, true, "1", "", "", "", "warned", 200, NULL};
    fill(outcome, &row);
    outcome->files_asked = true;
    attach(outcome, FRAME_RETURNED, "a\"b\0", 4);
    attach(outcome, FRAME_FIGURE, PNG "1", 9);
    attach(outcome, FRAME_RETURNED, "d/e\0\0\xff", 6);
    attach(outcome, FRAME_FIGURE, PNG, 8);
    assert_int_equal(buf_append_text(&outcome->note, "noted\n"), 0);
}

static void test_attachments(void **state) {
    (void)state;
    for (size_t chunk = 1; chunk < 400; chunk++) {
        struct outcome outcome;
        struct response *response;
        size_t size;
        fill_everything(&outcome);
        assert_int_equal(response_new_take(&outcome, &response), 0);
        assert_null(outcome.attachments.items);
        outcome_done(&outcome);
        char *body = read_body(response, chunk, &size);
        assert_string_equal(body, with_everything);
        free(body);
        response_free(response);
    }
}

static void test_what_was_asked_for_is_there_if_empty(void **state) {
    (void)state;
    static const struct row row = {VERDICT_SUCCESS, true, "1", "", "", "", "", 200, NULL};
    struct outcome outcome;
    struct response *response;
    fill(&outcome, &row);
    outcome.files_asked = true;
    assert_int_equal(response_new_take(&outcome, &response), 0);
    expect_body(response, "{\"result\": 1, \"stdout\": \"\", \"files\": {}}");
    response_free(response);
}

/* They belong to a result. */
static void test_an_error_has_no_attachments(void **state) {
    (void)state;
    struct outcome outcome;
    struct response *response;
    fill_everything(&outcome);
    outcome_set(&outcome, VERDICT_MEMORY, "m");
    assert_int_equal(response_new_take(&outcome, &response), 0);
    expect_body(response, "{\"error\": \"m\", \"outcome\": \"memory\", \"stdout\": \"\", "
                          "\"stderr\": \"warned\"}");
    assert_true(response_held_bytes(response) > 27);
    response_free(response);
    outcome_done(&outcome);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_attachments),
        cmocka_unit_test(test_what_was_asked_for_is_there_if_empty),
        cmocka_unit_test(test_an_error_has_no_attachments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
