/*
 * base64: RFC 4648, section 4: strict decoding, and encoding while it is read. Pure, no allocation.
 */
#ifndef BASE64_H
#define BASE64_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Decodes size characters: the standard alphabet, with padding, without white space, unused bits
 * zero. bytes has room for size / 4 * 3; it may be text itself. Returns how many bytes it was, or
 * -1 if it is not base64. */
ssize_t base64_decode(const char *text, size_t size, char *bytes);

/* Size of the encoding. */
uint64_t base64_encoded_size(size_t size);

struct base64_encoder {
    const unsigned char *at, *end; /* what is not encoded yet; borrowed */
    char unit[4];                  /* four characters, when a reader had no room for them all */
    unsigned unit_at, unit_size;
};

/* Starts to encode size bytes (bytes may be NULL when size is 0), which must stay as they are until
 * the last read. */
void base64_encoder_init(struct base64_encoder *encoder, const char *bytes, size_t size);

/* Copies the next characters, at most size, and moves on; less than size only at the end, 0 when
 * there is nothing more. */
size_t base64_encoder_read(struct base64_encoder *encoder, char *text, size_t size);

#endif
