/*
 * request: the fields of a POST /execute body. The strict checker reads the text and marks out the
 * members; cJSON decodes single strings of it, never the whole.
 */
#include "request.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "json_check.h"

static const struct json_limits body_limits = {.depth = 64, .values = 100000};

/* The members that mean something, found while the body is checked. */
struct fields {
    const char *body;
    struct json_span script;
    unsigned scripts; /* members of that name */
    bool no_memory;
};

static int refuse(struct request_error *ret_error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static int refuse(struct request_error *ret_error, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    ret_error->status = 400;
    vsnprintf(ret_error->text, sizeof(ret_error->text), format, arguments);
    va_end(arguments);
    return -EINVAL;
}

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
    if (key_is(fields, key, "script")) {
        fields->script = *value;
        fields->scripts++;
    }
}

static int refuse_body(const struct json_report *report, struct request_error *ret_error) {
    const char *text = json_fault_text(report->fault);
    switch (report->fault) {
    case JSON_TOO_DEEP:
        return refuse(ret_error, "Request body %s (limit %u)", text, body_limits.depth);
    case JSON_TOO_MANY:
        return refuse(ret_error, "Request body %s (limit %zu)", text, body_limits.values);
    case JSON_SYNTAX:
    case JSON_TRAILING:
    case JSON_BAD_UTF8:
        return refuse(ret_error, "Request body %s (at byte %zu)", text, report->offset);
    default:
        return refuse(ret_error, "Request body %s", text);
    }
}

static bool is_blank(const char *text) {
    return text[strspn(text, " \t\n\r\f\v")] == '\0';
}

static int read_script(const struct fields *fields, const struct request_limits *limits,
                       struct request *ret_request, struct request_error *ret_error) {
    const struct json_span *span = &fields->script;
    if (fields->scripts == 0)
        return refuse(ret_error, "Field 'script' is missing");
    if (fields->scripts > 1)
        return refuse(ret_error, "Field 'script' appears more than once");
    if (span->type != JSON_STRING)
        return refuse(ret_error, "Field 'script' must be a string");
    if (span->has_nul)
        return refuse(ret_error, "Field 'script' must not contain a NUL character");
    if (span->has_lone_surrogate)
        return refuse(ret_error, "Field 'script' must not contain a lone surrogate (\\uD800 to "
                                 "\\uDFFF without its other half)");
    char *script = decode_string(fields->body, span);
    if (!script)
        return -ENOMEM;
    size_t size = strlen(script);
    int error = 0;
    if (size > limits->script_bytes)
        error = refuse(ret_error, "Invalid script size: %zu bytes (limit %zu)", size,
                       limits->script_bytes);
    else if (is_blank(script))
        error = refuse(ret_error, "Field 'script' must not be blank");
    if (error) {
        cJSON_free(script);
        return error;
    }
    *ret_request = (struct request){.script = script, .script_size = size};
    return 0;
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
        return refuse(ret_error, "Request body must be a JSON object");
    return read_script(&fields, limits, ret_request, ret_error);
}

void request_done(struct request *request) {
    cJSON_free(request->script);
    *request = (struct request){0};
}
