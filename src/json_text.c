/*
 * json_text: encodes untrusted bytes as the inside of a JSON string, piece by piece. Knows nothing
 * of the document around it.
 */
#include "json_text.h"

#include <string.h>

#include "utf8.h"

/* Eight bytes at a time: a byte's high bit is set below when the byte is not ASCII, under 0x20, a
 * quote or a backslash. A borrow can set a wrong bit only above a right one. */
static int is_plain_word(uint64_t word) {
    const uint64_t ones = 0x0101010101010101, highs = 0x8080808080808080;
    uint64_t quotes = (word ^ (ones * '"')) - ones;
    uint64_t backslashes = (word ^ (ones * '\\')) - ones;
    uint64_t controls = word - ones * 0x20;
    return ((word | quotes | backslashes | controls) & highs) == 0;
}

size_t json_text_plain(const char *bytes, size_t size) {
    size_t plain = 0;
    uint64_t word;
    while (size - plain >= sizeof(word)) {
        memcpy(&word, bytes + plain, sizeof(word));
        if (!is_plain_word(word))
            break;
        plain += sizeof(word);
    }
    while (plain < size) {
        unsigned char byte = (unsigned char)bytes[plain];
        if (byte < 0x20 || byte >= 0x80 || byte == '"' || byte == '\\')
            break;
        plain++;
    }
    return plain;
}

/* Encodes one ASCII byte that must not stand for itself; at most 6 bytes. */
static unsigned encode_escape(unsigned char byte, char *unit) {
    static const char digits[] = "0123456789abcdef";
    static const char letters[128] = {['"'] = '"',  ['\\'] = '\\', ['\n'] = 'n', ['\t'] = 't',
                                      ['\r'] = 'r', ['\b'] = 'b',  ['\f'] = 'f'};
    unit[0] = '\\';
    if (letters[byte]) {
        unit[1] = letters[byte];
        return 2;
    }
    memcpy(unit + 1, "u00", 3);
    unit[4] = digits[byte >> 4];
    unit[5] = digits[byte & 15];
    return 6;
}

/* Encodes what stands at the front, which is not plain, and says how many bytes of the source it
 * was. */
static size_t encode_unit(const char *bytes, size_t size, char *unit, unsigned *ret_size) {
    unsigned char byte = (unsigned char)bytes[0];
    if (byte < 0x80) {
        *ret_size = encode_escape(byte, unit);
        return 1;
    }
    struct utf8_step step = utf8_step(bytes, size);
    if (step.kind == UTF8_WHOLE) {
        memcpy(unit, bytes, step.size);
        *ret_size = (unsigned)step.size;
    } else {
        memcpy(unit, "\xef\xbf\xbd", 3);
        *ret_size = 3;
    }
    return step.size;
}

void json_text_init(struct json_text *text, const char *bytes, size_t size) {
    *text = (struct json_text){.at = bytes, .end = size ? bytes + size : bytes};
}

size_t json_text_read(struct json_text *text, char *bytes, size_t size) {
    size_t done = 0;
    while (done < size) {
        if (text->unit_at < text->unit_size) {
            bytes[done++] = text->unit[text->unit_at++];
            continue;
        }
        size_t left = (size_t)(text->end - text->at);
        if (left == 0)
            break;
        size_t room = size - done;
        size_t plain = json_text_plain(text->at, left < room ? left : room);
        if (plain > 0) {
            memcpy(bytes + done, text->at, plain);
            text->at += plain;
            done += plain;
            continue;
        }
        text->at += encode_unit(text->at, left, text->unit, &text->unit_size);
        text->unit_at = 0;
    }
    return done;
}

uint64_t json_text_size(const char *bytes, size_t size) {
    uint64_t total = 0;
    char unit[8];
    unsigned unit_size;
    for (size_t at = 0; at < size;) {
        size_t plain = json_text_plain(bytes + at, size - at);
        at += plain;
        total += plain;
        if (at < size) {
            at += encode_unit(bytes + at, size - at, unit, &unit_size);
            total += unit_size;
        }
    }
    return total;
}
