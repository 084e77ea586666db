/*
 * Fuzz target: json_check. What it accepts cJSON accepts too, with the same root, the same end and
 * as many members; each member is a value of its own; no part of it from the start is whole.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "json_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

struct members {
    const char *text;
    size_t count, end;
};

static const struct json_limits limits = {.depth = 500, .values = 5000};

static void require(bool holds) {
    if (!holds)
        abort();
}

static void check_member(void *context, const struct json_span *key,
                         const struct json_span *value) {
    struct members *members = context;
    require(value->start >= members->end);
    require(!key || (key->start >= members->end && value->start > key->start + key->size));
    members->end = value->start + value->size;
    members->count++;
    struct json_report report =
        json_check(members->text + value->start, value->size, &limits, NULL, NULL);
    require(report.fault == JSON_OK && report.value.type == value->type);
    require(report.value.has_nul == value->has_nul &&
            report.value.has_lone_surrogate == value->has_lone_surrogate);
    if (!key)
        return;
    report = json_check(members->text + key->start, key->size, &limits, NULL, NULL);
    require(report.fault == JSON_OK && report.value.type == JSON_STRING);
}

/* cJSON does not read numbers of more than 63 bytes. */
static bool has_long_number(const char *text, size_t size) {
    size_t run = 0;
    for (size_t i = 0; i < size && run < 63; i++)
        run = memchr("0123456789+-.eE", text[i], 15) ? run + 1 : 0;
    return run >= 63;
}

static void compare_with_cjson(const char *text, const struct json_span *value, size_t members) {
    static const int types[] = {cJSON_NULL,   cJSON_False, cJSON_True,  cJSON_Number,
                                cJSON_String, cJSON_Array, cJSON_Object};
    const char *end = NULL;
    cJSON *root = cJSON_ParseWithLengthOpts(text, value->size, &end, false);
    require(root && end == text + value->size && root->type == types[value->type]);
    require((value->type != JSON_OBJECT && value->type != JSON_ARRAY) ||
            (size_t)cJSON_GetArraySize(root) == members);
    cJSON_Delete(root);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    const char *text = (const char *)bytes;
    struct members members = {.text = text};
    struct json_report report = json_check(text, size, &limits, check_member, &members);
    require(report.offset <= size);
    if (report.fault != JSON_OK)
        return 0;
    const struct json_span *value = &report.value;
    require(value->start + value->size <= size);
    if (value->type > JSON_NUMBER) {
        size_t cut = value->start + (bytes[0] + bytes[size - 1]) % value->size;
        enum json_fault fault = json_check(text, cut, &limits, NULL, NULL).fault;
        require(fault == JSON_UNFINISHED || (fault == JSON_EMPTY && cut == value->start));
    }
    if (!value->has_lone_surrogate && !has_long_number(text, size))
        compare_with_cjson(text + value->start, value, members.count);
    return 0;
}
