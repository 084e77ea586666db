/*
 * event_stream: two buffers, one that is filled and one that is read, so that what is being encoded
 * stays where it is. Knows nothing of connections.
 */
#include "event_stream.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "response.h"
#include "utf8.h"

#define RECORD_BYTES ((uint32_t)64 << 10) /* small pieces become one event up to this size */

struct record {
    uint32_t is_stderr, size;
};

enum step {
    STEP_NEXT, /* between two events */
    STEP_TEXT, /* inside of one */
    STEP_LAST, /* inside of the last one */
    STEP_OVER
};

void event_stream_init(struct event_stream *stream, size_t ceiling) {
    *stream = (struct event_stream){.step = STEP_NEXT};
    buf_init(&stream->filling, ceiling);
    buf_init(&stream->reading, ceiling);
}

void event_stream_done(struct event_stream *stream) {
    buf_done(&stream->filling);
    buf_done(&stream->reading);
}

size_t event_stream_unread(const struct event_stream *stream) {
    return stream->filling.size + (stream->reading.size - stream->at);
}

/* ---- filling ---- */

/* The last record, if so much can be added to it. */
static bool last_record(const struct event_stream *stream, bool is_stderr, size_t size,
                        struct record *ret_record) {
    if (stream->filling.size == 0)
        return false;
    memcpy(ret_record, stream->filling.data + stream->last, sizeof(*ret_record));
    return ret_record->is_stderr == is_stderr && size <= RECORD_BYTES &&
           ret_record->size <= RECORD_BYTES - size;
}

/* first and then bytes, as one. */
static int append(struct event_stream *stream, bool is_stderr, const struct event_tail *first,
                  const char *bytes, size_t size) {
    struct record record;
    struct buf *buf = &stream->filling;
    size_t whole = first->size + size;
    bool same = last_record(stream, is_stderr, whole, &record);
    if (!buf_reserve(buf, sizeof(record) + whole))
        return -ENOMEM;
    if (!same) {
        record = (struct record){.is_stderr = is_stderr};
        stream->last = buf->size;
        buf_append(buf, &record, sizeof(record));
    }
    record.size += (uint32_t)whole;
    memcpy(buf->data + stream->last, &record, sizeof(record));
    buf_append(buf, first->bytes, first->size);
    buf_append(buf, bytes, size);
    return 0;
}

/* How many bytes at the end are the begin of a character. */
static unsigned unfinished(const char *bytes, unsigned size) {
    for (unsigned back = 1; back <= 3 && back <= size; back++) {
        struct utf8_step step = utf8_step(bytes + size - back, back);
        if (step.kind == UTF8_CUT && step.size == back)
            return back;
    }
    return 0;
}

int event_stream_add(struct event_stream *stream, bool is_stderr, const char *bytes, size_t size) {
    struct event_tail *tail = &stream->tails[is_stderr];
    const struct event_tail before = *tail;
    char end[8];
    unsigned from_bytes = size < 3 ? (unsigned)size : 3;
    memcpy(end, before.bytes, before.size);
    memcpy(end + before.size, bytes + size - from_bytes, from_bytes);
    unsigned end_size = before.size + from_bytes;
    tail->size = unfinished(end, end_size);
    memcpy(tail->bytes, end + end_size - tail->size, tail->size);
    /* It begins with the bytes or after them, or it is all that there is. */
    size_t whole = before.size + size - tail->size;
    if (whole == 0)
        return 0;
    return append(stream, is_stderr, &before, bytes, whole - before.size);
}

void event_stream_beat(struct event_stream *stream) {
    if (stream->step != STEP_NEXT || stream->literal_left > 0 || event_stream_unread(stream) > 0)
        return;
    stream->literal = ": \n\n";
    stream->literal_left = strlen(stream->literal);
}

int event_stream_finish(struct event_stream *stream, struct response *response) {
    stream->response = response;
    for (unsigned is_stderr = 0; is_stderr < 2; is_stderr++) {
        const struct event_tail tail = stream->tails[is_stderr];
        stream->tails[is_stderr].size = 0;
        int r = tail.size > 0 ? append(stream, is_stderr, &tail, NULL, 0) : 0;
        if (r < 0)
            return r;
    }
    return 0;
}

/* ---- reading ---- */

static void say(struct event_stream *stream, const char *literal, enum step next) {
    stream->literal = literal;
    stream->literal_left = strlen(literal);
    stream->step = next;
}

/* False if there is none. */
static bool begin_record(struct event_stream *stream) {
    struct record record;
    if (stream->at == stream->reading.size) {
        struct buf used = stream->reading;
        used.size = 0;
        stream->reading = stream->filling;
        stream->filling = used;
        stream->at = 0;
    }
    if (stream->at == stream->reading.size)
        return false;
    memcpy(&record, stream->reading.data + stream->at, sizeof(record));
    stream->at += sizeof(record);
    json_text_init(&stream->text, stream->reading.data + stream->at, record.size);
    stream->at += record.size;
    say(stream, record.is_stderr ? "event: stderr\ndata: \"" : "event: stdout\ndata: \"",
        STEP_TEXT);
    return true;
}

/* False if there is none for the moment. */
static bool begin_event(struct event_stream *stream) {
    if (begin_record(stream))
        return true;
    if (!stream->response)
        return false;
    bool succeeded = response_status(stream->response) == 200;
    say(stream, succeeded ? "event: result\ndata: " : "event: error\ndata: ", STEP_LAST);
    return true;
}

/* A line's end would end the data. In JSON that was checked it is white space between tokens. */
static size_t read_response(struct response *response, char *bytes, size_t size) {
    size_t got = response_read(response, bytes, size);
    for (size_t i = 0; i < got; i++)
        if (bytes[i] == '\n' || bytes[i] == '\r')
            bytes[i] = ' ';
    return got;
}

static size_t read_literal(struct event_stream *stream, char *bytes, size_t size) {
    size_t part = stream->literal_left < size ? stream->literal_left : size;
    memcpy(bytes, stream->literal, part);
    stream->literal += part;
    stream->literal_left -= part;
    return part;
}

size_t event_stream_read(struct event_stream *stream, char *bytes, size_t size) {
    size_t done = 0;
    while (done < size) {
        size_t part = 0;
        if (stream->literal_left > 0) {
            done += read_literal(stream, bytes + done, size - done);
            continue;
        }
        switch (stream->step) {
        case STEP_NEXT:
            if (!begin_event(stream))
                return done;
            continue;
        case STEP_TEXT:
            part = json_text_read(&stream->text, bytes + done, size - done);
            if (part == 0)
                say(stream, "\"\n\n", STEP_NEXT);
            break;
        case STEP_LAST:
            part = read_response(stream->response, bytes + done, size - done);
            if (part == 0)
                say(stream, "\n\n", STEP_OVER);
            break;
        default:
            return done;
        }
        done += part;
    }
    return done;
}
