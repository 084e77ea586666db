/* frame_reader: a header, then as many bytes as it said, if it said a permissible number. */
#include "frame_reader.h"

#include <errno.h>
#include <string.h>

#include "file_name.h"

void frame_reader_init(struct frame_reader *reader, size_t result_cap, size_t error_cap) {
    *reader = (struct frame_reader){.result_cap = result_cap, .error_cap = error_cap};
    size_t most = result_cap + FILE_NAME_BYTES + 1;
    buf_init(&reader->payload, most > error_cap ? most : error_cap);
}

void frame_reader_done(struct frame_reader *reader) {
    buf_done(&reader->payload);
}

static enum frame_progress check_header(const struct frame_reader *reader) {
    switch (reader->header.type) {
    case FRAME_RESULT:
    case FRAME_FIGURE:
        return reader->header.size > reader->result_cap ? FRAME_TOO_BIG : FRAME_MORE;
    case FRAME_RETURNED:
        return reader->header.size > reader->result_cap + FILE_NAME_BYTES + 1 ? FRAME_TOO_BIG
                                                                              : FRAME_MORE;
    case FRAME_ERROR:
        return reader->header.size > reader->error_cap ? FRAME_BROKEN : FRAME_MORE;
    case FRAME_NOTE:
        return reader->header.size > NOTE_BYTES ? FRAME_BROKEN : FRAME_MORE;
    default:
        return FRAME_BROKEN;
    }
}

enum frame_progress frame_reader_feed(struct frame_reader *reader, const char *bytes, size_t size,
                                      size_t *ret_used) {
    *ret_used = 0;
    if (reader->header_size < sizeof(reader->header)) {
        size_t missing = sizeof(reader->header) - reader->header_size;
        size_t part = size < missing ? size : missing;
        memcpy((char *)&reader->header + reader->header_size, bytes, part);
        reader->header_size += part;
        bytes += part;
        size -= part;
        *ret_used = part;
        if (reader->header_size < sizeof(reader->header))
            return FRAME_MORE;
        enum frame_progress progress = check_header(reader);
        if (progress != FRAME_MORE)
            return progress;
    }
    size_t missing = reader->header.size - reader->payload.size;
    size_t part = size < missing ? size : missing;
    if (buf_append(&reader->payload, bytes, part) < 0)
        return FRAME_NO_MEMORY;
    *ret_used += part;
    return reader->payload.size == reader->header.size ? FRAME_WHOLE : FRAME_MORE;
}

void frame_reader_next(struct frame_reader *reader) {
    reader->header_size = 0;
    buf_done(&reader->payload);
}

int frame_error_parse(const struct buf *payload, struct frame_error *ret_error) {
    if (payload->size == 0)
        return -EINVAL;
    const char *end = payload->data + payload->size;
    const char *message = memchr(payload->data, '\0', payload->size);
    if (!message)
        return -EINVAL;
    message++;
    const char *traceback = memchr(message, '\0', (size_t)(end - message));
    if (!traceback)
        return -EINVAL;
    traceback++;
    *ret_error = (struct frame_error){.word = payload->data,
                                      .message = message,
                                      .traceback = traceback,
                                      .message_size = (size_t)(traceback - message) - 1,
                                      .traceback_size = (size_t)(end - traceback)};
    return 0;
}
