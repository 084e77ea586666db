/*
 * event_stream: what a script prints, and the answer at the end, as server-sent events, encoded
 * while they are read. HTML standard, "Server-sent events". Pure but for memory.
 *
 * stdout and stderr are each valid UTF-8 over all their events together as in the answer: a
 * character that is cut by the end of a piece waits for its rest, and what is not UTF-8 becomes
 * U+FFFD.
 */
#ifndef EVENT_STREAM_H
#define EVENT_STREAM_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "json_text.h"

struct response;

/* The end of what was added, if it is part of a character. */
struct event_tail {
    char bytes[4];
    unsigned size;
};

/* Members are for event_stream.c. */
struct event_stream {
    struct buf filling, reading; /* records: a header, the bytes */
    size_t last;                 /* of filling: where the last record is */
    size_t at;                   /* of reading: where the next record is */
    struct event_tail tails[2];  /* of stdout, of stderr */
    struct response *response;   /* of the last event; borrowed */
    unsigned step;
    const char *literal; /* goes out before anything else */
    size_t literal_left;
    struct json_text text; /* of the record that goes out */
};

/* ceiling: of what waits to be read, bytes. */
void event_stream_init(struct event_stream *stream, size_t ceiling);
void event_stream_done(struct event_stream *stream);

/* What was printed. 0 or -errno of the buffer; then the events are not whole any more. */
int event_stream_add(struct event_stream *stream, bool is_stderr, const char *bytes, size_t size);

/* A comment, so that the client and what is between see that the connection lives; nothing if
 * something else waits to be read. */
void event_stream_beat(struct event_stream *stream);

/* No more will be printed; the last event has the body of response, which is borrowed until it is
 * read. Errors as above. */
int event_stream_finish(struct event_stream *stream, struct response *response);

/* How much was printed and not read, bytes. */
size_t event_stream_unread(const struct event_stream *stream);

/* Copies the next bytes, at most size, and moves on. 0: nothing for the moment, or for ever if
 * event_stream_finish was called. */
size_t event_stream_read(struct event_stream *stream, char *bytes, size_t size);

#endif
