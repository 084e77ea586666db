/*
 * json_check_expect: a text is checked, and what is expected of it. Include cmocka.h before.
 */
#ifndef JSON_CHECK_EXPECT_H
#define JSON_CHECK_EXPECT_H

#include <stdlib.h>
#include <string.h>

#include "json_check.h"

static const struct json_limits wide = {.depth = JSON_MAX_DEPTH};

/* The text goes into a block of its own size, so that a sanitizer sees a read over its end. */
static struct json_report check(const char *text, size_t size, const struct json_limits *limits) {
    char *copy = malloc(size ? size : 1);
    assert_non_null(copy);
    memcpy(copy, text, size);
    struct json_report report = json_check(copy, size, limits, NULL, NULL);
    free(copy);
    return report;
}

static void expect(const char *text, size_t size, enum json_fault fault, size_t offset) {
    struct json_report report = check(text, size, &wide);
    if (report.fault != fault || (fault != JSON_OK && report.offset != offset))
        fail_msg("%.*s: fault %d at %zu, expected %d at %zu", (int)size, text, report.fault,
                 report.offset, fault, offset);
}

#endif
