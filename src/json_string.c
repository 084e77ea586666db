/* json_string: plain parts are copied, escapes decoded. Relies on what json_token.c has checked. */
#include "json_string.h"

#include <string.h>

static unsigned hex4(const char *text) {
    unsigned value = 0;
    for (int i = 0; i < 4; i++) {
        unsigned digit = (unsigned char)text[i];
        value = value * 16 + (digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10);
    }
    return value;
}

static char *put_utf8(char *to, unsigned code) {
    if (code < 0x80) {
        *to++ = (char)code;
        return to;
    }
    int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
    static const unsigned char leads[] = {0, 0xc0, 0xe0, 0xf0};
    *to++ = (char)(leads[more] | code >> 6 * more);
    while (more-- > 0)
        *to++ = (char)(0x80 | (code >> 6 * more & 0x3f));
    return to;
}

/* From behind the `u`; both halves of a pair. */
static char *decode_unicode(const char **at, char *to) {
    unsigned code = hex4(*at);
    *at += 4;
    if (code >= 0xd800 && code < 0xdc00) {
        code = 0x10000 + ((code - 0xd800) << 10) + (hex4(*at + 2) - 0xdc00);
        *at += 6;
    }
    return put_utf8(to, code);
}

size_t json_string_decode(const char *text, size_t size, char *bytes) {
    const char *at = text, *end = text + size;
    char *to = bytes;
    while (at < end) {
        const char *backslash = memchr(at, '\\', (size_t)(end - at));
        size_t plain = (size_t)((backslash ? backslash : end) - at);
        memmove(to, at, plain);
        to += plain;
        at += plain;
        if (!backslash)
            break;
        static const char letters[] = "bfnrt", meant[] = "\b\f\n\r\t";
        char letter = at[1];
        at += 2;
        if (letter == 'u') {
            to = decode_unicode(&at, to);
        } else {
            const char *found = strchr(letters, letter);
            *to++ = found ? meant[found - letters] : letter;
        }
    }
    return (size_t)(to - bytes);
}
