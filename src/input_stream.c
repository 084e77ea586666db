/* input_stream: numbers the frames of a request, those that are not there included, and walks over
 * them. */
#include "input_stream.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "protocol.h"
#include "request.h"

enum { FRAMES_AT_ONCE = 16 };

struct out_frame {
    struct frame_header header;
    const char *payload;
};

enum { NUMBER_SCRIPT, NUMBER_ARGS, NUMBER_STDIN, NUMBER_RETURN, NUMBER_FILES };

/* False behind the last one. A frame that this request has not has type 0. */
static bool frame_at(const struct request *request, size_t number, struct out_frame *ret_frame) {
    const struct inputs *inputs = &request->inputs;
    uint32_t type = 0;
    const char *payload = NULL;
    size_t size = 0;
    if (number == NUMBER_SCRIPT) {
        type = FRAME_SCRIPT;
        payload = request->script;
        size = request->script_size;
    } else if (number == NUMBER_ARGS && inputs->args) {
        type = FRAME_ARGS;
        payload = inputs->args;
        size = inputs->args_size;
    } else if (number == NUMBER_STDIN && inputs->stdin_size > 0) {
        type = FRAME_STDIN;
        payload = inputs->stdin_bytes;
        size = inputs->stdin_size;
    } else if (number == NUMBER_RETURN && inputs->patterns_size > 0) {
        type = FRAME_RETURN;
        payload = inputs->patterns;
        size = inputs->patterns_size;
    } else if (number >= NUMBER_FILES && number - NUMBER_FILES < inputs->file_count) {
        type = FRAME_FILE;
        payload = inputs->files[number - NUMBER_FILES].bytes;
        size = inputs->files[number - NUMBER_FILES].size;
    } else if (number == NUMBER_FILES + inputs->file_count) {
        type = FRAME_RUN;
    } else if (number > NUMBER_FILES) {
        return false;
    }
    *ret_frame = (struct out_frame){{.type = type, .size = (uint32_t)size}, payload};
    return true;
}

/* Adds what is behind the first `skip` bytes. */
static void add_part(struct iovec *parts, size_t *count, const void *bytes, size_t size,
                     size_t skip) {
    if (skip < size)
        parts[(*count)++] = (struct iovec){(char *)bytes + skip, size - skip};
}

static size_t frame_size(const struct out_frame *frame) {
    return frame->header.type ? sizeof(frame->header) + frame->header.size : 0;
}

/* Moves on by size bytes that were sent. */
static void advance(struct input_stream *stream, size_t size) {
    struct out_frame frame;
    stream->sent_size += size;
    while (frame_at(stream->request, stream->frame, &frame)) {
        size_t left = frame_size(&frame) - stream->frame_sent;
        if (size < left) {
            stream->frame_sent += size;
            return;
        }
        size -= left;
        stream->frame++;
        stream->frame_sent = 0;
    }
}

void input_stream_init(struct input_stream *stream, const struct request *request) {
    *stream = (struct input_stream){.request = request};
}

int input_stream_send(struct input_stream *stream, int socket) {
    struct out_frame frames[FRAMES_AT_ONCE];
    struct iovec parts[2 * FRAMES_AT_ONCE];
    for (;;) {
        size_t count = 0, wanted = 0, skip = stream->frame_sent;
        for (size_t i = 0; i < FRAMES_AT_ONCE; i++, skip = 0) {
            struct out_frame *frame = &frames[i];
            if (!frame_at(stream->request, stream->frame + i, frame))
                break;
            if (!frame->header.type)
                continue;
            size_t head = sizeof(frame->header);
            add_part(parts, &count, &frame->header, head, skip);
            add_part(parts, &count, frame->payload, frame->header.size,
                     skip > head ? skip - head : 0);
            wanted += frame_size(frame) - skip;
        }
        if (count == 0) {
            stream->all_sent = true;
            return 0;
        }
        struct msghdr message = {.msg_iov = parts, .msg_iovlen = count};
        ssize_t size = sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (size < 0)
            return errno == EINTR ? -EAGAIN : -errno;
        advance(stream, (size_t)size);
        if ((size_t)size < wanted)
            return -EAGAIN;
    }
}
