/*
 * json_token: the tokens of a JSON text, for json_check alone. Pure: no I/O, no globals, safe on
 * any bytes.
 *
 * A cursor starts as {.text, .size}. Each function moves `at` behind the token and returns true, or
 * leaves it on the byte that is wrong, sets `fault` and returns false.
 */
#ifndef JSON_TOKEN_H
#define JSON_TOKEN_H

#include <stdbool.h>
#include <stddef.h>

#include "json_check.h"

struct json_cursor {
    const char *text; /* borrowed */
    size_t at, size;
    enum json_fault fault;
    bool nul, lone_surrogate; /* a string had one escaped; set here, cleared by the caller only */
};

/* Passes white space. The byte behind it as 0 .. 255, which stays the next one; -1 at the end. */
int json_token_next(struct json_cursor *cursor);

/* From the opening quote to behind the closing one. */
bool json_token_string(struct json_cursor *cursor);

/* JSON_NUMBER, JSON_TRUE, JSON_FALSE or JSON_NULL: the type that its first byte promises. */
bool json_token_bare(struct json_cursor *cursor, enum json_type type);

/* Sets the fault of a text that cannot go on with the byte at `at` (or with its end); false. */
bool json_token_unexpected(struct json_cursor *cursor);

#endif
