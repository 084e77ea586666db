/*
 * request: the fields of a POST /execute body. The strict checker reads the text and marks out the
 * members; cJSON decodes the script and names, never the whole; inputs.c reads the rest.
 */
#include "request.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "json_check.h"

#define SECOND_US 1000000
#define MIB_BYTES 1048576

static const struct json_limits body_limits = {.depth = 64, .values = 100000};

/* The members that mean something, found while the body is checked. */
enum field {
    FIELD_SCRIPT,
    FIELD_ARGS,
    FIELD_STDIN,
    FIELD_FILES,
    FIELD_RETURN_FILES,
    FIELD_TIMEOUT,
    FIELD_MEMORY,
    FIELD_COUNT
};

static const char *const field_names[FIELD_COUNT] = {
    [FIELD_SCRIPT] = "script",
    [FIELD_ARGS] = "args",
    [FIELD_STDIN] = "stdin",
    [FIELD_FILES] = "files",
    [FIELD_RETURN_FILES] = "return_files",
    [FIELD_TIMEOUT] = "timeout_seconds",
    [FIELD_MEMORY] = "memory_mb",
};

struct fields {
    const char *body;
    struct json_span spans[FIELD_COUNT];
    unsigned counts[FIELD_COUNT]; /* members of that name */
    bool no_memory;
};

/* The text of a string that the checker passed and that holds no NUL and no lone surrogate, so only
 * memory can be missing: NULL then. The caller releases it with cJSON_free. */
static char *decode_string(const char *body, const struct json_span *span) {
    cJSON *item = cJSON_ParseWithLengthOpts(body + span->start, span->size, NULL, false);
    if (!item)
        return NULL;
    char *text = item->valuestring;
    item->valuestring = NULL;
    cJSON_Delete(item);
    return text;
}

/* Whether a key spells this name, escapes decoded. */
static bool key_is(struct fields *fields, const struct json_span *key, const char *name) {
    const char *quoted = fields->body + key->start;
    size_t size = key->size - 2, name_size = strlen(name);
    if (size == name_size && memcmp(quoted + 1, name, name_size) == 0)
        return true;
    /* Each character takes at most six bytes, as \uXXXX. A NUL would end the decoded key early. */
    if (key->has_nul || key->has_lone_surrogate || size > name_size * 6 ||
        !memchr(quoted + 1, '\\', size))
        return false;
    char *text = decode_string(fields->body, key);
    if (!text) {
        fields->no_memory = true;
        return false;
    }
    bool same = strcmp(text, name) == 0;
    cJSON_free(text);
    return same;
}

static void note_member(void *context, const struct json_span *key, const struct json_span *value) {
    struct fields *fields = context;
    for (int field = 0; key && field < FIELD_COUNT; field++)
        if (key_is(fields, key, field_names[field])) {
            fields->spans[field] = *value;
            fields->counts[field]++;
        }
}

static int refuse_body(const struct json_report *report, struct request_error *ret_error) {
    const char *text = json_fault_text(report->fault);
    switch (report->fault) {
    case JSON_TOO_DEEP:
        return request_error_set(ret_error, "Request body %s (limit %u)", text, body_limits.depth);
    case JSON_TOO_MANY:
        return request_error_set(ret_error, "Request body %s (limit %zu)", text,
                                 body_limits.values);
    case JSON_SYNTAX:
    case JSON_TRAILING:
    case JSON_BAD_UTF8:
        return request_error_set(ret_error, "Request body %s (at byte %zu)", text, report->offset);
    default:
        return request_error_set(ret_error, "Request body %s", text);
    }
}

static bool is_blank(const char *text) {
    return text[strspn(text, " \t\n\r\f\v")] == '\0';
}

static int read_script(const struct fields *fields, const struct request_limits *limits,
                       struct request *ret_request, struct request_error *ret_error) {
    const struct json_span *span = &fields->spans[FIELD_SCRIPT];
    if (fields->counts[FIELD_SCRIPT] == 0)
        return request_error_set(ret_error, "Field 'script' is missing");
    if (span->type != JSON_STRING)
        return request_error_set(ret_error, "Field 'script' must be a string");
    if (span->has_nul)
        return request_error_set(ret_error, "Field 'script' must not contain a NUL character");
    if (span->has_lone_surrogate)
        return request_error_set(ret_error,
                                 "Field 'script' must not contain a lone surrogate (\\uD800 to "
                                 "\\uDFFF without its other half)");
    char *script = decode_string(fields->body, span);
    if (!script)
        return -ENOMEM;
    size_t size = strlen(script);
    int error = 0;
    if (size > limits->script_bytes)
        error = request_error_set(ret_error, "Invalid script size: %zu bytes (limit %zu)", size,
                                  limits->script_bytes);
    else if (is_blank(script))
        error = request_error_set(ret_error, "Field 'script' must not be blank");
    if (error) {
        cJSON_free(script);
        return error;
    }
    ret_request->script = script;
    ret_request->script_size = size;
    return 0;
}

/* *value stays what it is if the field is not there. Any number is read as the nearest double. */
static int read_number(const struct fields *fields, enum field field, double *value,
                       struct request_error *ret_error) {
    const struct json_span *span = &fields->spans[field];
    if (fields->counts[field] == 0)
        return 0;
    if (span->type != JSON_NUMBER)
        return request_error_set(ret_error, "Field '%s' must be a number", field_names[field]);
    /* The checker knows where it ends, and after it there is at least the object's brace. */
    *value = strtod(fields->body + span->start, NULL);
    return 0;
}

static int read_limits(const struct fields *fields, const struct request_limits *limits,
                       struct request *ret_request, struct request_error *ret_error) {
    const double most_s = (double)limits->timeout_us / SECOND_US;
    const double least_mb = (double)limits->least_memory_bytes / MIB_BYTES;
    const double most_mb = (double)limits->memory_bytes / MIB_BYTES;
    double timeout_s = most_s, memory_mb = most_mb;
    if (read_number(fields, FIELD_TIMEOUT, &timeout_s, ret_error) < 0 ||
        read_number(fields, FIELD_MEMORY, &memory_mb, ret_error) < 0)
        return -EINVAL;
    if (!(timeout_s > 0 && timeout_s <= most_s))
        return request_error_set(
            ret_error, "Field 'timeout_seconds' must be over 0 and at most %.10g", most_s);
    if (!(memory_mb >= least_mb && memory_mb <= most_mb))
        return request_error_set(ret_error, "Field 'memory_mb' must be from %.10g to %.10g",
                                 least_mb, most_mb);
    ret_request->timeout_us = (int64_t)(timeout_s * SECOND_US);
    if (ret_request->timeout_us == 0)
        ret_request->timeout_us = 1;
    ret_request->memory_bytes = (uint64_t)(memory_mb * MIB_BYTES);
    return 0;
}

static int read_inputs(const struct fields *fields, const struct request_limits *limits,
                       struct request *request, struct request_error *ret_error) {
    const struct json_span *found[FIELD_COUNT] = {0};
    for (int field = 0; field < FIELD_COUNT; field++)
        found[field] = fields->counts[field] > 0 ? &fields->spans[field] : NULL;
    struct input_fields input_fields = {.args = found[FIELD_ARGS],
                                        .stdin_text = found[FIELD_STDIN],
                                        .files = found[FIELD_FILES],
                                        .return_files = found[FIELD_RETURN_FILES]};
    return inputs_parse(fields->body, &input_fields, &limits->inputs, &request->inputs, ret_error);
}

int request_parse(const char *body, size_t size, const struct request_limits *limits,
                  struct request *ret_request, struct request_error *ret_error) {
    struct fields fields = {.body = body};
    *ret_request = (struct request){0};
    struct json_report report = json_check(body, size, &body_limits, note_member, &fields);
    if (fields.no_memory)
        return -ENOMEM;
    if (report.fault != JSON_OK)
        return refuse_body(&report, ret_error);
    if (report.value.type != JSON_OBJECT)
        return request_error_set(ret_error, "Request body must be a JSON object");
    for (int field = 0; field < FIELD_COUNT; field++)
        if (fields.counts[field] > 1)
            return request_error_set(ret_error, "Field '%s' appears more than once",
                                     field_names[field]);
    struct request request = {0};
    int r = read_limits(&fields, limits, &request, ret_error);
    if (r == 0)
        r = read_script(&fields, limits, &request, ret_error);
    if (r == 0)
        r = read_inputs(&fields, limits, &request, ret_error);
    if (r == 0)
        *ret_request = request;
    else
        request_done(&request);
    return r;
}

size_t request_held_bytes(const struct request *request) {
    return request->script_size + inputs_held_bytes(&request->inputs);
}

void request_done(struct request *request) {
    cJSON_free(request->script);
    inputs_done(&request->inputs);
    *request = (struct request){0};
}
