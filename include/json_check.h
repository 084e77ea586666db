/*
 * json_check: is this text exactly one strict JSON value (RFC 8259)? Streaming, no allocation
 * proportional to the text, no tree.
 *
 * Strict: valid UTF-8, no byte order mark, no raw control characters in strings, no `01`, `+1`,
 * `.5`, `1.`, no NaN, no trailing text but white space. Depth and the number of values are bounded
 * by the caller. Pure: no I/O, no globals, safe on any bytes.
 */
#ifndef JSON_CHECK_H
#define JSON_CHECK_H

#include <stdbool.h>
#include <stddef.h>

enum json_type {
    JSON_NULL,
    JSON_FALSE,
    JSON_TRUE,
    JSON_NUMBER,
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT
};

struct json_limits {
    unsigned
        depth; /* deepest nesting of arrays and objects, at most JSON_MAX_DEPTH; `[]` has depth 1 */
    size_t values; /* scalars, arrays and objects together; 0: not bounded */
};

#define JSON_MAX_DEPTH 1024

enum json_fault {
    JSON_OK = 0,
    JSON_EMPTY, /* nothing but white space */
    JSON_SYNTAX,
    JSON_UNFINISHED, /* ends in the middle of a value */
    JSON_TRAILING,   /* a whole value and then more */
    JSON_BAD_UTF8,
    JSON_TOO_DEEP,
    JSON_TOO_MANY,
};

/* A span of the text, with what a decoder must know of the strings inside it (keys included). */
struct json_span {
    size_t start, size; /* bytes; strings with their quotes */
    enum json_type type;
    bool has_nul;            /* an escaped \u0000 somewhere inside */
    bool has_lone_surrogate; /* an escaped surrogate without its other half somewhere inside */
};

/* Called for each member of the outermost object, or element of the outermost array (key is NULL),
 * in order, when its value is complete. */
typedef void json_member_fn(void *context, const struct json_span *key,
                            const struct json_span *value);

struct json_report {
    enum json_fault fault;
    size_t offset;          /* of the byte that was wrong; the text's size for JSON_UNFINISHED */
    struct json_span value; /* the whole value; valid with JSON_OK */
};

/* Checks size bytes at text (no NUL terminator needed; text may be NULL when size is 0). on_member
 * may be NULL. Members are reported as they are found, so a caller must drop what it was told if
 * the answer is not JSON_OK. Does not block. */
struct json_report json_check(const char *text, size_t size, const struct json_limits *limits,
                              json_member_fn *on_member, void *context);

/* A short English text for a fault, static storage. */
const char *json_fault_text(enum json_fault fault);

#endif
