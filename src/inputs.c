/*
 * inputs: the fields args, stdin, files and return_files. Text that passed the checker is decoded
 * here and not by cJSON: it may be large, and may hold NUL.
 */
#include "inputs.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base64.h"
#include "file_name.h"
#include "json_string.h"
#include "utf8.h"

#define SHOWN_BYTES ((size_t)64) /* of a name in an error's text */
#define SCRIPT_NAME "script.py"

/* One file or pattern after the other; the first fault stands. */
struct reading {
    const char *body; /* of the field */
    const struct input_limits *limits;
    struct inputs *inputs;
    struct request_error *error;
    size_t total_bytes;
    unsigned count;
    int fault; /* -errno */
};

static int shown(const char *name, size_t size) {
    return (int)utf8_cut(name, size, SHOWN_BYTES);
}

/* The text of a string, ended by a NUL of its own, with spare bytes in front; NULL without memory.
 */
static char *decode(const char *body, const struct json_span *span, size_t *ret_size) {
    char *text = malloc(span->size);
    if (!text)
        return NULL;
    *ret_size = json_string_decode(body + span->start + 1, span->size - 2, text);
    text[*ret_size] = '\0';
    return text;
}

static int read_args(const char *body, const struct json_span *span, struct inputs *inputs,
                     struct request_error *error) {
    if (span->type != JSON_OBJECT && span->type != JSON_ARRAY)
        return request_error_set(error, "Field 'args' must be an object or an array");
    if (span->size > INPUT_ARGS_BYTES)
        return request_error_set(error, "Field 'args' has %zu bytes (limit %zu)", span->size,
                                 INPUT_ARGS_BYTES);
    inputs->args = malloc(span->size);
    if (!inputs->args)
        return -ENOMEM;
    memcpy(inputs->args, body + span->start, span->size);
    inputs->args_size = span->size;
    return 0;
}

static int read_stdin(const char *body, const struct json_span *span,
                      const struct input_limits *limits, struct inputs *inputs,
                      struct request_error *error) {
    if (span->type != JSON_STRING)
        return request_error_set(error, "Field 'stdin' must be a string");
    if (span->has_lone_surrogate)
        return request_error_set(error, "Field 'stdin' must not contain a lone surrogate");
    size_t limit =
        limits->file_bytes < limits->total_bytes ? limits->file_bytes : limits->total_bytes;
    inputs->stdin_bytes = decode(body, span, &inputs->stdin_size);
    if (!inputs->stdin_bytes)
        return -ENOMEM;
    if (inputs->stdin_size > limit)
        return request_error_set(error, "Field 'stdin' has %zu bytes (limit %zu)",
                                 inputs->stdin_size, limit);
    return 0;
}

/* ---- files ---- */

static const char *name_of(const struct inputs *inputs, size_t file) {
    return inputs->files[file].bytes;
}

static int check_name(struct reading *reading, const char *name, size_t size) {
    const struct inputs *inputs = reading->inputs;
    const char *fault = file_name_fault(name, size);
    if (fault)
        return request_error_set(reading->error, "Field 'files': the name '%.*s' %s",
                                 shown(name, size), name, fault);
    if (file_names_collide(name, SCRIPT_NAME))
        return request_error_set(reading->error,
                                 "Field 'files': '" SCRIPT_NAME "' is the script's own name");
    for (size_t i = 0; i < inputs->file_count; i++)
        if (file_names_collide(name, name_of(inputs, i)))
            return request_error_set(reading->error,
                                     "Field 'files': '%.*s' and '%.*s' cannot both be files",
                                     shown(name_of(inputs, i), inputs->files[i].name_size),
                                     name_of(inputs, i), shown(name, size), name);
    return 0;
}

/* Decodes what is in it behind the name, and takes that. */
static int read_data(struct reading *reading, const struct json_span *value, char *bytes,
                     size_t name_size, size_t *ret_size) {
    const char *text = reading->body + value->start + 1;
    size_t text_size = value->size - 2;
    char *data = bytes + name_size + 1;
    if (memchr(text, '\\', text_size)) {
        text_size = json_string_decode(text, text_size, data);
        text = data;
    }
    ssize_t size = base64_decode(text, text_size, data);
    if (size < 0)
        return request_error_set(reading->error,
                                 "Field 'files': '%.*s' is not base64 (standard alphabet, padded, "
                                 "without line breaks)",
                                 shown(bytes, name_size), bytes);
    if ((size_t)size > reading->limits->file_bytes)
        return request_error_set(reading->error, "Field 'files': '%.*s' has %zd bytes (limit %zu)",
                                 shown(bytes, name_size), bytes, size, reading->limits->file_bytes);
    reading->total_bytes += (size_t)size;
    if (reading->total_bytes > reading->limits->total_bytes)
        return request_error_set(reading->error, "Field 'files' has more than %zu bytes in all",
                                 reading->limits->total_bytes);
    *ret_size = name_size + 1 + (size_t)size;
    return 0;
}

/* What decoding it needs: with escapes, these are decoded there first. */
static size_t data_room(const char *body, const struct json_span *value) {
    bool escapes = memchr(body + value->start, '\\', value->size) != NULL;
    return escapes ? value->size : value->size / 4 * 3;
}

static int read_file(struct reading *reading, const struct json_span *key,
                     const struct json_span *value) {
    struct inputs *inputs = reading->inputs;
    if (inputs->file_count == INPUT_FILES_MOST)
        return request_error_set(reading->error, "Field 'files' has more than %u files",
                                 INPUT_FILES_MOST);
    if (key->has_nul || key->has_lone_surrogate)
        return request_error_set(reading->error,
                                 "Field 'files': a name must not contain NUL or a lone surrogate");
    if (value->type != JSON_STRING || value->has_lone_surrogate)
        return request_error_set(reading->error,
                                 "Field 'files' must have base64 strings as values");
    struct input_file file = {.bytes = malloc(key->size + data_room(reading->body, value))};
    if (!file.bytes)
        return -ENOMEM;
    file.name_size = json_string_decode(reading->body + key->start + 1, key->size - 2, file.bytes);
    file.bytes[file.name_size] = '\0';
    int r = check_name(reading, file.bytes, file.name_size);
    if (r == 0)
        r = read_data(reading, value, file.bytes, file.name_size, &file.size);
    if (r != 0) {
        free(file.bytes);
        return r;
    }
    inputs->files[inputs->file_count++] = file;
    return 0;
}

static void on_file(void *context, const struct json_span *key, const struct json_span *value) {
    struct reading *reading = context;
    if (reading->fault == 0)
        reading->fault = read_file(reading, key, value);
}

/* ---- return_files ---- */

static int read_pattern(struct reading *reading, const struct json_span *value) {
    struct inputs *inputs = reading->inputs;
    if (reading->count++ == INPUT_PATTERNS_MOST)
        return request_error_set(reading->error, "Field 'return_files' has more than %u patterns",
                                 INPUT_PATTERNS_MOST);
    if (value->type != JSON_STRING || value->has_nul || value->has_lone_surrogate)
        return request_error_set(reading->error,
                                 "Field 'return_files' must be an array of strings (without NUL "
                                 "and lone surrogates)");
    size_t size = inputs->patterns_size + (inputs->patterns_size > 0);
    char *pattern = inputs->patterns + size;
    size_t pattern_size =
        json_string_decode(reading->body + value->start + 1, value->size - 2, pattern);
    const char *fault = file_name_fault(pattern, pattern_size);
    if (fault)
        return request_error_set(reading->error, "Field 'return_files': '%.*s' %s",
                                 shown(pattern, pattern_size), pattern, fault);
    if (size > 0)
        pattern[-1] = '\0';
    inputs->patterns_size = size + pattern_size;
    return 0;
}

static void on_pattern(void *context, const struct json_span *key, const struct json_span *value) {
    struct reading *reading = context;
    (void)key;
    if (reading->fault == 0)
        reading->fault = read_pattern(reading, value);
}

/* ---- the fields ---- */

static int read_members(const char *body, const struct json_span *span, json_member_fn *fn,
                        struct reading *reading) {
    struct json_limits limits = {.depth = JSON_MAX_DEPTH};
    reading->body = body + span->start;
    reading->fault = 0;
    json_check(reading->body, span->size, &limits, fn, reading);
    return reading->fault;
}

static int read_files(const char *body, const struct json_span *span, struct reading *reading) {
    if (span->type != JSON_OBJECT)
        return request_error_set(reading->error,
                                 "Field 'files' must be an object of names and base64 strings");
    reading->inputs->files = calloc(INPUT_FILES_MOST, sizeof(struct input_file));
    return reading->inputs->files ? read_members(body, span, on_file, reading) : -ENOMEM;
}

static int read_patterns(const char *body, const struct json_span *span, struct reading *reading) {
    if (span->type != JSON_ARRAY)
        return request_error_set(reading->error, "Field 'return_files' must be an array");
    reading->inputs->patterns = malloc(span->size);
    return reading->inputs->patterns ? read_members(body, span, on_pattern, reading) : -ENOMEM;
}

int inputs_parse(const char *body, const struct input_fields *fields,
                 const struct input_limits *limits, struct inputs *ret_inputs,
                 struct request_error *ret_error) {
    struct reading reading = {.limits = limits, .inputs = ret_inputs, .error = ret_error};
    *ret_inputs = (struct inputs){0};
    int r = fields->args ? read_args(body, fields->args, ret_inputs, ret_error) : 0;
    if (r == 0 && fields->stdin_text)
        r = read_stdin(body, fields->stdin_text, limits, ret_inputs, ret_error);
    if (r == 0 && fields->files)
        r = read_files(body, fields->files, &reading);
    if (r == 0 && fields->return_files)
        r = read_patterns(body, fields->return_files, &reading);
    if (r < 0)
        inputs_done(ret_inputs);
    return r;
}

size_t inputs_held_bytes(const struct inputs *inputs) {
    size_t size = inputs->args_size + inputs->stdin_size + inputs->patterns_size;
    for (size_t i = 0; i < inputs->file_count; i++)
        size += inputs->files[i].size;
    return size;
}

void inputs_done(struct inputs *inputs) {
    for (size_t i = 0; i < inputs->file_count; i++)
        free(inputs->files[i].bytes);
    free(inputs->files);
    free(inputs->args);
    free(inputs->stdin_bytes);
    free(inputs->patterns);
    *inputs = (struct inputs){0};
}
