/* log_text: one unit (a character or its escape) at a time, so that no bound cuts one. */
#include "log_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "utf8.h"

#define UNIT_BYTES 13 /* a surrogate pair, \uXXXX\uXXXX, and a NUL */
static const char cut_mark[] = "...";

static void add_bytes(struct log_text *text, const char *bytes, size_t size) {
    if (size > text->size - text->used)
        return;
    memcpy(text->bytes + text->used, bytes, size);
    text->used += size;
}

void log_text_add(struct log_text *text, const char *literal) {
    add_bytes(text, literal, strlen(literal));
}

void log_text_add_number(struct log_text *text, uint64_t number) {
    char digits[24];
    snprintf(digits, sizeof(digits), "%" PRIu64, number);
    log_text_add(text, digits);
}

void log_text_add_thousandths(struct log_text *text, uint64_t number) {
    char digits[28];
    snprintf(digits, sizeof(digits), "%" PRIu64 ".%03" PRIu64, number / 1000, number % 1000);
    log_text_add(text, digits);
}

/* Of a whole character of at least two bytes. RFC 3629, 3. */
static uint32_t code_point(const char *bytes, size_t size) {
    uint32_t point = (unsigned char)bytes[0] & (0x7fu >> size);
    for (size_t i = 1; i < size; i++)
        point = point << 6 | ((unsigned char)bytes[i] & 0x3fu);
    return point;
}

static void encode_wide(const char *bytes, size_t size, char ret_unit[UNIT_BYTES]) {
    uint32_t point = code_point(bytes, size);
    if (point < 0x10000) {
        snprintf(ret_unit, UNIT_BYTES, "\\u%04x", (unsigned)point & 0xffff);
        return;
    }
    point -= 0x10000;
    snprintf(ret_unit, UNIT_BYTES, "\\u%04x\\u%04x", 0xd800 | ((unsigned)(point >> 10) & 0x3ff),
             0xdc00 | ((unsigned)point & 0x3ff));
}

/* How many raw bytes the unit stands for. */
static size_t encode(const char *raw, size_t size, char ret_unit[UNIT_BYTES]) {
    unsigned char byte = (unsigned char)raw[0];
    if (byte < 0x80) {
        if (byte == '"' || byte == '\\')
            snprintf(ret_unit, UNIT_BYTES, "\\%c", byte);
        else if (byte < 0x20 || byte == 0x7f)
            snprintf(ret_unit, UNIT_BYTES, "\\u%04x", byte);
        else
            snprintf(ret_unit, UNIT_BYTES, "%c", byte);
        return 1;
    }
    struct utf8_step step = utf8_step(raw, size);
    if (step.kind == UTF8_WHOLE)
        encode_wide(raw, step.size, ret_unit);
    else
        snprintf(ret_unit, UNIT_BYTES, "\\ufffd");
    return step.size;
}

/* The plain characters at the start, which is nearly always all of it. */
static size_t plain_size(const char *raw, size_t size) {
    size_t plain = 0;
    while (plain < size && raw[plain] >= 0x20 && raw[plain] < 0x7f && raw[plain] != '"' &&
           raw[plain] != '\\')
        plain++;
    return plain;
}

void log_text_add_escaped(struct log_text *text, const char *raw, size_t most) {
    const size_t mark = sizeof(cut_mark) - 1;
    size_t left = strlen(raw), room = text->size - text->used;
    room = room < most ? room : most;
    if (left <= room && plain_size(raw, left) == left) {
        add_bytes(text, raw, left);
        return;
    }
    char unit[UNIT_BYTES];
    while (left > 0) {
        size_t taken = encode(raw, left, unit), size = strlen(unit);
        /* Unless this is the last one, there must be room for the mark after it. */
        if (size + (taken < left ? mark : 0) > room) {
            if (mark <= room)
                log_text_add(text, cut_mark);
            return;
        }
        add_bytes(text, unit, size);
        room -= size;
        raw += taken;
        left -= taken;
    }
}
