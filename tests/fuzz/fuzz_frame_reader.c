/*
 * Fuzz target: frame_reader. Whatever a worker sends, in pieces of any size, the frames are the
 * same and none is over its cap.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "frame_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

enum { RESULT_CAP = 40, ERROR_CAP = 60 };

struct log {
    unsigned frames;
    size_t bytes;
    uint32_t types;
    enum frame_progress last;
};

static void require(bool holds) {
    if (!holds)
        abort();
}

static struct log read_all(const char *bytes, size_t size, size_t piece) {
    struct frame_reader reader;
    struct log log = {.last = FRAME_MORE};
    frame_reader_init(&reader, RESULT_CAP, ERROR_CAP);
    for (size_t at = 0, used; at < size; at += used) {
        log.last =
            frame_reader_feed(&reader, bytes + at, size - at < piece ? size - at : piece, &used);
        require(used <= size - at);
        if (log.last == FRAME_WHOLE) {
            struct frame_error error;
            require(reader.payload.size == reader.header.size);
            require(reader.header.type != FRAME_RESULT || reader.payload.size <= RESULT_CAP);
            require(reader.header.type != FRAME_ERROR || reader.payload.size <= ERROR_CAP);
            if (frame_error_parse(&reader.payload, &error) == 0)
                require(strlen(error.word) + error.message_size + error.traceback_size + 2 ==
                        reader.payload.size);
            log.frames++;
            log.bytes += reader.payload.size;
            log.types = log.types * 31 + reader.header.type;
            frame_reader_next(&reader);
        } else if (log.last != FRAME_MORE) {
            break;
        }
        require(used > 0);
    }
    frame_reader_done(&reader);
    return log;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    if (size == 0)
        return 0;
    struct log whole = read_all((const char *)bytes + 1, size - 1, size);
    struct log pieces = read_all((const char *)bytes + 1, size - 1, 1 + bytes[0] % 16);
    require(whole.frames == pieces.frames && whole.bytes == pieces.bytes);
    require(whole.types == pieces.types);
    return 0;
}
