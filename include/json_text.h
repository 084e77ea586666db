/*
 * json_text: any bytes -> the inside of a JSON string (without its quotes), encoded while it is
 * read. Pure, no allocation.
 *
 * Quote, backslash and control characters are escaped (\n \t \r \b \f, else \u00XX, NUL as \u0000).
 * UTF-8 passes as it is; each part that is not UTF-8 becomes one U+FFFD, as Python's
 * errors="replace" does it.
 */
#ifndef JSON_TEXT_H
#define JSON_TEXT_H

#include <stddef.h>
#include <stdint.h>

struct json_text {
    const char *at, *end; /* what is not encoded yet; borrowed */
    char unit[8];         /* the encoding of one character, when a reader had no room for it all */
    unsigned unit_at, unit_size;
};

/* Starts to encode size bytes (bytes may be NULL when size is 0), which must stay as they are until
 * the last read. */
void json_text_init(struct json_text *text, const char *bytes, size_t size);

/* Copies the next bytes of the encoding, at most size, and moves on; less than size only at the
 * end, 0 when there is nothing more. */
size_t json_text_read(struct json_text *text, char *bytes, size_t size);

/* Size of the whole encoding of size bytes. */
uint64_t json_text_size(const char *bytes, size_t size);

/* How many bytes from the start stand for themselves in a JSON string: ASCII, but no quote, no
 * backslash, no control character. */
size_t json_text_plain(const char *bytes, size_t size);

#endif
