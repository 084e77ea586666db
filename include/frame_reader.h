/*
 * frame_reader: the bytes that a worker sends while a script runs -> frames, one after the other.
 * The bytes are hostile: sizes are capped, and a frame that a worker may not send then is broken.
 * Which may follow each other is the caller's to check. Pure but for memory.
 */
#ifndef FRAME_READER_H
#define FRAME_READER_H

#include <stddef.h>

#include "buf.h"
#include "protocol.h"

enum frame_progress {
    FRAME_MORE,    /* not whole yet */
    FRAME_WHOLE,   /* header.type and payload are valid */
    FRAME_TOO_BIG, /* a result, figure or file over its cap */
    FRAME_BROKEN,
    FRAME_NO_MEMORY,
};

struct frame_reader {
    struct frame_header header;
    size_t header_size; /* bytes of the header that are there */
    size_t result_cap, error_cap;
    struct buf payload;
};

void frame_reader_init(struct frame_reader *reader, size_t result_cap, size_t error_cap);
void frame_reader_done(struct frame_reader *reader);

/* Takes the next bytes, up to the end of the frame; *ret_used is how many. After FRAME_WHOLE comes
 * frame_reader_next(); after anything but that and FRAME_MORE it must not be called again. */
enum frame_progress frame_reader_feed(struct frame_reader *reader, const char *bytes, size_t size,
                                      size_t *ret_used);

/* Begins the next frame. What is left in payload is dropped. */
void frame_reader_next(struct frame_reader *reader);

/* The payload of a FRAME_ERROR: word, message and traceback. */
struct frame_error {
    const char *word; /* NUL-terminated */
    const char *message, *traceback;
    size_t message_size, traceback_size;
};

/* Points into payload. 0, or -EINVAL if it is not three texts. */
int frame_error_parse(const struct buf *payload, struct frame_error *ret_error);

#endif
