/*
 * Fuzz target: request_parse. A script that it returns keeps the request's promises and is the one
 * that cJSON finds in the whole body; so are its inputs; a refusal has a text and leaves nothing
 * behind.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "file_name.h"
#include "request.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* Small, so that inputs reach it. */
static const struct request_limits limits = {
    .script_bytes = 100,
    .timeout_us = 30000000,
    .memory_bytes = 300 << 20,
    .least_memory_bytes = 32 << 20,
    .inputs = {.total_bytes = 40, .file_bytes = 30},
};

static void require(bool holds) {
    if (!holds)
        abort();
}

static void compare_with_cjson(const char *body, size_t size, const char *script,
                               const struct inputs *inputs) {
    /* A NUL would end a key or value early in cJSON's tree. */
    if (memmem(body, size, "\\u0000", 6))
        return;
    cJSON *root = cJSON_ParseWithLength(body, size);
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(root, "script");
    /* No root: a lone surrogate or a long number in another field. */
    require(!root || (cJSON_IsString(item) && strcmp(item->valuestring, script) == 0));
    item = cJSON_GetObjectItemCaseSensitive(root, "stdin");
    if (item)
        require(strlen(item->valuestring) == inputs->stdin_size &&
                memcmp(item->valuestring, inputs->stdin_bytes, inputs->stdin_size) == 0);
    item = cJSON_GetObjectItemCaseSensitive(root, "files");
    require(!root || (size_t)cJSON_GetArraySize(item) == inputs->file_count);
    cJSON_Delete(root);
}

static void check_inputs(const struct inputs *inputs) {
    size_t total = 0;
    if (inputs->args) {
        struct json_limits args_limits = {.depth = 63};
        struct json_report report =
            json_check(inputs->args, inputs->args_size, &args_limits, NULL, NULL);
        require(report.fault == JSON_OK && report.value.type >= JSON_ARRAY);
    }
    require(inputs->stdin_size <= limits.inputs.file_bytes);
    for (size_t i = 0; i < inputs->file_count; i++) {
        const struct input_file *file = &inputs->files[i];
        require(file->name_size < file->size && strlen(file->bytes) == file->name_size);
        require(!file_name_fault(file->bytes, file->name_size));
        require(file->size - file->name_size - 1 <= limits.inputs.file_bytes);
        total += file->size - file->name_size - 1;
        for (size_t j = 0; j < i; j++)
            require(!file_names_collide(file->bytes, inputs->files[j].bytes));
    }
    require(total <= limits.inputs.total_bytes && inputs->file_count <= INPUT_FILES_MOST);
    for (size_t at = 0; at < inputs->patterns_size;) {
        const char *pattern = inputs->patterns + at;
        size_t size = strnlen(pattern, inputs->patterns_size - at);
        require(!file_name_fault(pattern, size));
        at += size + 1;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    const char *body = (const char *)bytes;
    struct request request;
    struct request_error error = {0};
    int result = request_parse(body, size, &limits, &request, &error);
    if (result == 0) {
        require(request.script_size >= 1 && request.script_size <= limits.script_bytes);
        require(request.timeout_us > 0 && request.timeout_us <= limits.timeout_us);
        require(request.memory_bytes >= limits.least_memory_bytes &&
                request.memory_bytes <= limits.memory_bytes);
        require(strlen(request.script) == request.script_size && error.status == 0);
        check_inputs(&request.inputs);
        compare_with_cjson(body, size, request.script, &request.inputs);
        request_done(&request);
    } else {
        require(result == -EINVAL && error.status == 400);
        require(error.text[0] && memchr(error.text, '\0', sizeof(error.text)));
    }
    require(!request.script && request_held_bytes(&request) == 0);
    return 0;
}
