/*
 * request: the bytes of a POST /execute body -> struct request, or what is wrong with them. Pure:
 * no I/O, no clock, no globals. The strict checker sees the text first; cJSON only decodes the
 * small values that it marked out.
 */
#ifndef REQUEST_H
#define REQUEST_H

#include <stddef.h>
#include <stdint.h>

#include "inputs.h"
#include "request_error.h"

struct request {
    char *script;          /* owned; UTF-8 without NUL, NUL-terminated */
    size_t script_size;    /* bytes, 1 .. limits.script_bytes */
    int64_t timeout_us;    /* 1 .. limits.timeout_us; what was not asked for is the limit */
    uint64_t memory_bytes; /* limits.least_memory_bytes .. limits.memory_bytes; same */
    struct inputs inputs;
};

struct request_limits {
    size_t script_bytes;
    int64_t timeout_us;
    uint64_t memory_bytes, least_memory_bytes;
    struct input_limits inputs;
};

/* Fills *ret_request (release with request_done) and returns 0; or fills *ret_error, leaves
 * *ret_request zeroed and returns -EINVAL (the client's fault) or -ENOMEM (ours; *ret_error
 * untouched). */
int request_parse(const char *body, size_t size, const struct request_limits *limits,
                  struct request *ret_request, struct request_error *ret_error);

/* Memory that it holds. */
size_t request_held_bytes(const struct request *request);

void request_done(struct request *request);

#endif
