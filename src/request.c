/*
 * request: the fields of a POST /execute body. The strict checker reads the text and marks out the
 * members; cJSON decodes the script and names, never the whole; inputs.c reads the rest.
 */
#include "request.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "json_check.h"

static const struct json_limits body_limits = {.depth = 64, .values = 100000};

enum field { FIELD_SCRIPT, FIELD_ARGS, FIELD_STDIN, FIELD_FILES, FIELD_RETURN_FILES, FIELD_COUNT };

static const char *const field_names[FIELD_COUNT] = {
    [FIELD_SCRIPT] = "script",
    [FIELD_ARGS] = "args",
    [FIELD_STDIN] = "stdin",
    [FIELD_FILES] = "files",
    [FIELD_RETURN_FILES] = "return_files",
};

/* The members that mean something, found while the body is checked. */
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
    *ret_request = (struct request){.script = script, .script_size = size};
    return 0;
}

static int read_inputs(const struct fields *fields, const struct request_limits *limits,
                       struct request *request, struct request_error *ret_error) {
    const struct json_span *found[FIELD_COUNT];
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
    int r = read_script(&fields, limits, ret_request, ret_error);
    if (r == 0)
        r = read_inputs(&fields, limits, ret_request, ret_error);
    if (r < 0)
        request_done(ret_request);
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
