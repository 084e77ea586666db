/*
 * Fuzz target: request_parse. A script that it returns keeps the request's promises and is the one
 * that cJSON finds in the whole body; a refusal has a text and leaves nothing behind.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "request.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* Small, so that inputs reach it. */
static const struct request_limits limits = {.script_bytes = 100,
                                             .timeout_us = 30000000,
                                             .memory_bytes = 300 << 20,
                                             .least_memory_bytes = 32 << 20};

static void require(bool holds) {
    if (!holds)
        abort();
}

static void compare_with_cjson(const char *body, size_t size, const char *script) {
    /* A NUL would end a key or value early in cJSON's tree. */
    if (memmem(body, size, "\\u0000", 6))
        return;
    cJSON *root = cJSON_ParseWithLength(body, size);
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(root, "script");
    /* No root: a lone surrogate or a long number in another field. */
    require(!root || (cJSON_IsString(item) && strcmp(item->valuestring, script) == 0));
    cJSON_Delete(root);
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
        compare_with_cjson(body, size, request.script);
        request_done(&request);
    } else {
        require(result == -EINVAL && error.status == 400);
        require(error.text[0] && memchr(error.text, '\0', sizeof(error.text)));
    }
    require(!request.script && request.script_size == 0);
    return 0;
}
