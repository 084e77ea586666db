/*
 * segments: a text as a row of parts, each encoded while it is read, so that large parts cost no
 * second copy. Pure but for memory.
 */
#ifndef SEGMENTS_H
#define SEGMENTS_H

#include <stddef.h>
#include <stdint.h>

#include "base64.h"
#include "json_text.h"

enum segment_kind {
    SEGMENT_PLAIN,  /* passes as it is */
    SEGMENT_TEXT,   /* is encoded as the inside of a JSON string */
    SEGMENT_BASE64, /* is encoded so */
};

struct segment {
    const char *bytes; /* borrowed */
    size_t size;
    enum segment_kind kind;
};

/* Members are for segments.c, except that size may be read: of the whole encoding, bytes. */
struct segments {
    struct segment *items;
    unsigned count, most;
    uint64_t size;
    /* The reader. Every row starts with a literal, so all zero is its start. */
    unsigned at;
    size_t plain_at;
    struct json_text text;
    struct base64_encoder base64;
};

/* Room for so many. 0 or -ENOMEM. */
int segments_init(struct segments *segments, unsigned most);
void segments_done(struct segments *segments);

/* bytes must stay until they are read. More than there is room for is a fault of the caller. */
void segments_add(struct segments *segments, const char *bytes, size_t size,
                  enum segment_kind kind);
/* One that is plain; the first is such a one. */
void segments_add_literal(struct segments *segments, const char *literal);

/* Memory that they hold, without what they borrow. */
size_t segments_held_bytes(const struct segments *segments);

/* Copies the next bytes, at most size, and moves on; 0 at the end. */
size_t segments_read(struct segments *segments, char *bytes, size_t size);

#endif
