/*
 * response_body: an outcome as a row says, and what the response made of it says byte by byte.
 * Include cmocka.h before.
 */
#ifndef RESPONSE_BODY_H
#define RESPONSE_BODY_H

#include <stdlib.h>
#include <string.h>

#include "response.h"

/* The whole body, read in pieces of chunk bytes; free() it. */
static char *read_body(struct response *response, size_t chunk, size_t *ret_size) {
    size_t expected = response_size(response), size = 0, part;
    char *body = malloc(expected + chunk + 1);
    assert_non_null(body);
    while ((part = response_read(response, body + size, chunk)) > 0) {
        size += part;
        assert_true(size <= expected);
        assert_true(part == chunk || size == expected);
    }
    assert_int_equal(size, expected);
    assert_int_equal(response_read(response, body + size, chunk), 0);
    body[size] = '\0';
    *ret_size = size;
    return body;
}

static void expect_body(struct response *response, const char *expected) {
    size_t size;
    char *body = read_body(response, 7, &size);
    assert_string_equal(body, expected);
    assert_int_equal(size, strlen(expected));
    free(body);
}

struct row {
    enum verdict verdict;
    bool started;
    const char *result, *message, *traceback, *printed, *complained;
    int status;
    const char *body;
};

static void fill(struct outcome *outcome, const struct row *row) {
    outcome_init(outcome, 100000, 100000);
    outcome->verdict = row->verdict;
    outcome->started = row->started;
    assert_int_equal(buf_append_text(&outcome->result, row->result), 0);
    assert_int_equal(buf_append_text(&outcome->message, row->message), 0);
    assert_int_equal(buf_append_text(&outcome->traceback, row->traceback), 0);
    assert_int_equal(buf_append_text(&outcome->stdout_bytes, row->printed), 0);
    assert_int_equal(buf_append_text(&outcome->stderr_bytes, row->complained), 0);
}

#endif
