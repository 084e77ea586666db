/* base64: three bytes are four characters. Decoding refuses all that encoding does not write. */
#include "base64.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* One more than the value of a character; 0: it has none. */
#define ROW16(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p)                                      \
    a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p
static const unsigned char values[256] = {
    ['+'] = 63,
    ['/'] = 64,
    ['0'] = ROW16(53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 0, 0, 0, 0, 0, 0),
    ['A'] = ROW16(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16),
    17,
    18,
    19,
    20,
    21,
    22,
    23,
    24,
    25,
    26,
    ['a'] = ROW16(27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42),
    43,
    44,
    45,
    46,
    47,
    48,
    49,
    50,
    51,
    52};

/* Four characters as 24 bits; -1 if one has no value. */
static int32_t decode_unit(const unsigned char *text) {
    unsigned a = values[text[0]], b = values[text[1]], c = values[text[2]], d = values[text[3]];
    if (!a || !b || !c || !d)
        return -1;
    return (int32_t)((a - 1) << 18 | (b - 1) << 12 | (c - 1) << 6 | (d - 1));
}

static char *put(char *to, int32_t bits, int count) {
    for (int shift = 16; count > 0; count--, shift -= 8)
        *to++ = (char)(bits >> shift);
    return to;
}

/* Of the last four characters, one or two may be padding. */
static ssize_t decode_last(const unsigned char *text, char *bytes) {
    unsigned char padded[4] = {text[0], text[1], text[2], text[3]};
    int count = 3;
    if (padded[3] == '=') {
        padded[3] = 'A';
        count = 2;
        if (padded[2] == '=') {
            padded[2] = 'A';
            count = 1;
        }
    }
    int32_t bits = decode_unit(padded);
    if (bits < 0 || (bits & ((1 << (3 - count) * 8) - 1)))
        return -1;
    put(bytes, bits, count);
    return count;
}

ssize_t base64_decode(const char *text, size_t size, char *bytes) {
    const unsigned char *at = (const unsigned char *)text;
    char *to = bytes;
    if (size % 4)
        return -1;
    if (size == 0)
        return 0;
    for (const unsigned char *last = at + size - 4; at < last; at += 4) {
        int32_t bits = decode_unit(at);
        if (bits < 0)
            return -1;
        to = put(to, bits, 3);
    }
    ssize_t count = decode_last(at, to);
    return count < 0 ? -1 : to + count - bytes;
}

/* ---- encoding ---- */

uint64_t base64_encoded_size(size_t size) {
    return ((uint64_t)size + 2) / 3 * 4;
}

void base64_encoder_init(struct base64_encoder *encoder, const char *bytes, size_t size) {
    const unsigned char *at = (const unsigned char *)bytes;
    *encoder = (struct base64_encoder){.at = at, .end = size ? at + size : at};
}

/* The next four characters; there must be a byte. */
static void encode_unit(struct base64_encoder *encoder, char *text) {
    size_t left = (size_t)(encoder->end - encoder->at);
    const unsigned char *at = encoder->at;
    uint32_t bits = (uint32_t)at[0] << 16;
    if (left > 1)
        bits |= (uint32_t)at[1] << 8;
    if (left > 2)
        bits |= at[2];
    text[0] = alphabet[bits >> 18];
    text[1] = alphabet[bits >> 12 & 63];
    text[2] = left > 1 ? alphabet[bits >> 6 & 63] : '=';
    text[3] = left > 2 ? alphabet[bits & 63] : '=';
    encoder->at += left < 3 ? left : 3;
}

size_t base64_encoder_read(struct base64_encoder *encoder, char *text, size_t size) {
    size_t done = 0;
    while (done < size) {
        if (encoder->unit_at < encoder->unit_size) {
            text[done++] = encoder->unit[encoder->unit_at++];
            continue;
        }
        if (encoder->at == encoder->end)
            break;
        if (size - done >= 4) {
            encode_unit(encoder, text + done);
            done += 4;
        } else {
            encode_unit(encoder, encoder->unit);
            encoder->unit_at = 0;
            encoder->unit_size = 4;
        }
    }
    return done;
}
