/*
 * json_token: the tokens of a JSON text: strings, numbers, words, white space. Says where they end
 * and what is wrong with them; decodes nothing and knows nothing of nesting (see json_check.c).
 */
#include "json_token.h"

#include "json_text.h"
#include "utf8.h"

/* The byte at the front as 0 .. 255; -1 at the end. */
static inline int peek(const struct json_cursor *cursor) {
    return cursor->at < cursor->size ? (unsigned char)cursor->text[cursor->at] : -1;
}

static inline bool is_digit(int byte) {
    return byte >= '0' && byte <= '9';
}

int json_token_next(struct json_cursor *cursor) {
    int byte;
    while ((byte = peek(cursor)) == ' ' || byte == '\n' || byte == '\r' || byte == '\t')
        cursor->at++;
    return byte;
}

bool json_token_unexpected(struct json_cursor *cursor) {
    size_t left = cursor->size - cursor->at;
    if (left == 0)
        cursor->fault = JSON_UNFINISHED;
    else if (utf8_step(cursor->text + cursor->at, left).kind == UTF8_BROKEN)
        cursor->fault = JSON_BAD_UTF8;
    else
        cursor->fault = JSON_SYNTAX;
    return false;
}

/* ---- strings ---- */

/* Passes four hexadecimal digits; their value, or -1 with `at` on what is wrong. */
static int scan_hex4(struct json_cursor *cursor) {
    int value = 0;
    for (int i = 0; i < 4; i++) {
        int byte = peek(cursor), letter = byte | 0x20;
        if (is_digit(byte))
            value = value * 16 + byte - '0';
        else if (byte >= 0 && letter >= 'a' && letter <= 'f')
            value = value * 16 + letter - 'a' + 10;
        else
            return -1;
        cursor->at++;
    }
    return value;
}

/* From behind `\u`. A high surrogate takes the low one after it along; any other surrogate is alone
 * (a high one after a high one is looked at again, for it may have its own half). */
static bool scan_unicode_escape(struct json_cursor *cursor) {
    int code = scan_hex4(cursor);
    if (code < 0)
        return false;
    cursor->nul |= code == 0;
    if (code < 0xd800 || code > 0xdfff)
        return true;
    size_t behind = cursor->at;
    if (code < 0xdc00 && cursor->size - behind >= 6 && cursor->text[behind] == '\\' &&
        cursor->text[behind + 1] == 'u') {
        cursor->at += 2;
        int low = scan_hex4(cursor);
        if (low >= 0xdc00 && low <= 0xdfff)
            return true;
        cursor->at = behind;
    }
    cursor->lone_surrogate = true;
    return true;
}

/* From behind the backslash. */
static bool scan_escape(struct json_cursor *cursor) {
    switch (peek(cursor)) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        cursor->at++;
        return true;
    case 'u':
        cursor->at++;
        return scan_unicode_escape(cursor);
    default:
        return false;
    }
}

bool json_token_string(struct json_cursor *cursor) {
    cursor->at++;
    for (;;) {
        cursor->at += json_text_plain(cursor->text + cursor->at, cursor->size - cursor->at);
        int byte = peek(cursor);
        if (byte == '"') {
            cursor->at++;
            return true;
        }
        if (byte == '\\') {
            cursor->at++;
            if (scan_escape(cursor))
                continue;
        } else if (byte >= 0x80) {
            size_t left = cursor->size - cursor->at;
            struct utf8_step step = utf8_step(cursor->text + cursor->at, left);
            if (step.kind == UTF8_WHOLE) {
                cursor->at += step.size;
                continue;
            }
            if (step.kind == UTF8_CUT)
                cursor->at = cursor->size;
        }
        return json_token_unexpected(cursor);
    }
}

/* ---- numbers and words ---- */

static bool scan_digits(struct json_cursor *cursor) {
    size_t start = cursor->at;
    while (is_digit(peek(cursor)))
        cursor->at++;
    return cursor->at > start;
}

static bool scan_number(struct json_cursor *cursor) {
    if (peek(cursor) == '-')
        cursor->at++;
    if (peek(cursor) == '0')
        cursor->at++;
    else if (!scan_digits(cursor))
        return false;
    if (peek(cursor) == '.') {
        cursor->at++;
        if (!scan_digits(cursor))
            return false;
    }
    if ((peek(cursor) | 0x20) == 'e') {
        cursor->at++;
        if (peek(cursor) == '+' || peek(cursor) == '-')
            cursor->at++;
        if (!scan_digits(cursor))
            return false;
    }
    return true;
}

static bool scan_word(struct json_cursor *cursor, const char *word) {
    for (; *word; word++) {
        if (peek(cursor) != *word)
            return false;
        cursor->at++;
    }
    return true;
}

/* A number or word must not run on: `01` and `truex` are wrong where they go wrong, they are not a
 * value and then more. */
static bool runs_on(int byte) {
    int letter = byte | 0x20;
    return is_digit(byte) || (byte >= 0 && letter >= 'a' && letter <= 'z') || byte == '.' ||
           byte == '+' || byte == '-';
}

bool json_token_bare(struct json_cursor *cursor, enum json_type type) {
    bool whole = type == JSON_NUMBER  ? scan_number(cursor)
                 : type == JSON_TRUE  ? scan_word(cursor, "true")
                 : type == JSON_FALSE ? scan_word(cursor, "false")
                                      : scan_word(cursor, "null");
    if (whole && !runs_on(peek(cursor)))
        return true;
    return json_token_unexpected(cursor);
}
