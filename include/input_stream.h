/*
 * input_stream: a request as the frames that a worker reads, from FRAME_SCRIPT to FRAME_RUN, sent
 * as far as the channel takes them. Copies nothing.
 */
#ifndef INPUT_STREAM_H
#define INPUT_STREAM_H

#include <stdbool.h>
#include <stddef.h>

struct request;

struct input_stream {
    const struct request *request; /* borrowed until all_sent */
    size_t frame, frame_sent;      /* the frame that is being sent, and its bytes that are */
    size_t sent_size;              /* bytes of all frames */
    bool all_sent;
};

void input_stream_init(struct input_stream *stream, const struct request *request);

/* Sends more. 0 when all is sent, -EAGAIN if the socket is full, or another -errno. Does not block.
 * sendmsg(2). */
int input_stream_send(struct input_stream *stream, int socket);

#endif
