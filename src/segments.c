/* segments: knows nothing of what the text is about. */
#include "segments.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int segments_init(struct segments *segments, unsigned most) {
    struct segment *items = calloc(most, sizeof(*items));
    if (!items)
        return -ENOMEM;
    *segments = (struct segments){.items = items, .most = most};
    return 0;
}

void segments_done(struct segments *segments) {
    free(segments->items);
    *segments = (struct segments){0};
}

void segments_add(struct segments *segments, const char *bytes, size_t size,
                  enum segment_kind kind) {
    assert(segments->count < segments->most);
    segments->items[segments->count++] = (struct segment){bytes, size, kind};
    segments->size += kind == SEGMENT_TEXT     ? json_text_size(bytes, size)
                      : kind == SEGMENT_BASE64 ? base64_encoded_size(size)
                                               : size;
}

void segments_add_literal(struct segments *segments, const char *literal) {
    segments_add(segments, literal, strlen(literal), SEGMENT_PLAIN);
}

size_t segments_held_bytes(const struct segments *segments) {
    return segments->most * sizeof(segments->items[0]);
}

static void begin(struct segments *segments) {
    if (segments->at == segments->count)
        return;
    const struct segment *segment = &segments->items[segments->at];
    segments->plain_at = 0;
    if (segment->kind == SEGMENT_TEXT)
        json_text_init(&segments->text, segment->bytes, segment->size);
    else if (segment->kind == SEGMENT_BASE64)
        base64_encoder_init(&segments->base64, segment->bytes, segment->size);
}

/* From the current one; 0 when it is used up. */
static size_t read_one(struct segments *segments, char *bytes, size_t size) {
    const struct segment *segment = &segments->items[segments->at];
    if (segment->kind == SEGMENT_BASE64)
        return base64_encoder_read(&segments->base64, bytes, size);
    if (segment->kind == SEGMENT_TEXT)
        return json_text_read(&segments->text, bytes, size);
    size_t left = segment->size - segments->plain_at;
    if (size > left)
        size = left;
    if (size > 0)
        memcpy(bytes, segment->bytes + segments->plain_at, size);
    segments->plain_at += size;
    return size;
}

size_t segments_read(struct segments *segments, char *bytes, size_t size) {
    size_t done = 0;
    while (done < size && segments->at < segments->count) {
        size_t part = read_one(segments, bytes + done, size - done);
        done += part;
        if (part == 0) {
            segments->at++;
            begin(segments);
        }
    }
    return done;
}
