/*
 * http_stream: between a run's tap and libmicrohttpd's reader. The connection is suspended whenever
 * there is nothing to send, so that it costs nothing; it is in PHASE_RUN until the run is over.
 */
#include "http_stream.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "accept.h"
#include "config.h"
#include "event_stream.h"
#include "http_answer.h"
#include "http_state.h"
#include "queue.h"
#include "response.h"
#include "run_tap.h"

#define UNREAD_MOST ((size_t)256 << 10) /* more, and the script waits */
#define UNREAD_AGAIN (UNREAD_MOST / 2)  /* less, and it goes on */
#define UNSENT_BYTES (128 << 10)        /* by the kernel */
#define BEAT_US (5 * 1000000LL)

struct http_stream {
    struct http_connection *connection;
    struct run_tap tap;
    struct event_stream events;
    struct loop_timer beat;
    bool begun;
    bool full;   /* the script has to wait */
    bool broken; /* an event was lost: the client is not to believe that it has all */
    bool finished;
};

static enum MHD_Result read_accept(void *context, enum MHD_ValueKind kind, const char *name,
                                   const char *value) {
    (void)kind;
    if (value && strcasecmp(name, MHD_HTTP_HEADER_ACCEPT) == 0)
        accept_read(context, value);
    return MHD_YES;
}

bool http_stream_is_wanted(struct http_connection *connection, const char *version) {
    struct accept accept = {0};
    MHD_get_connection_values(connection->mhd, MHD_HEADER_KIND, read_accept, &accept);
    return strcmp(version, MHD_HTTP_VERSION_1_1) == 0 && accept_wants_events(&accept);
}

/* ---- from the run ---- */

static void beat(void *context) {
    struct http_stream *stream = context;
    struct http *http = stream->connection->http;
    event_stream_beat(&stream->events);
    http_resume(stream->connection);
    loop_timer_start(http->loop, &stream->beat, BEAT_US, beat, stream);
}

static void on_begun(void *context) {
    struct http_stream *stream = context;
    if (stream->begun)
        return;
    stream->begun = true;
    loop_timer_start(stream->connection->http->loop, &stream->beat, BEAT_US, beat, stream);
    http_resume(stream->connection);
}

static bool on_output(void *context, bool is_stderr, const char *bytes, size_t size) {
    struct http_stream *stream = context;
    if (event_stream_add(&stream->events, is_stderr, bytes, size) < 0)
        stream->broken = true;
    stream->full = event_stream_unread(&stream->events) > UNREAD_MOST;
    http_resume(stream->connection);
    return !stream->full;
}

/* ---- to the client ---- */

/* MHD_ContentReaderCallback: called when the client can take more. */
static ssize_t read_events(void *context, uint64_t position, char *bytes, size_t size) {
    struct http_stream *stream = context;
    struct http_connection *connection = stream->connection;
    if (connection->gone || stream->broken)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    size_t got = event_stream_read(&stream->events, bytes, size);
    connection->written = connection->exchange.answer_bytes = position + got;
    if (stream->full && connection->ticket && event_stream_unread(&stream->events) < UNREAD_AGAIN) {
        stream->full = false;
        queue_resume_output(connection->ticket);
    }
    if (got > 0)
        return (ssize_t)got;
    if (stream->finished)
        return MHD_CONTENT_READER_END_OF_STREAM;
    http_suspend(connection);
    return 0;
}

/* What the kernel would keep for a client that does not read is megabytes, as much as a script may
 * print: tcp(7). Without it only that is so. */
static void keep_little_unsent(int socket) {
    int bytes = UNSENT_BYTES;
    (void)setsockopt(socket, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &bytes, sizeof(bytes));
}

enum MHD_Result http_stream_answer(struct http_connection *connection) {
    keep_little_unsent(connection->fd);
    struct http_answer_options options = {.type = "text/event-stream",
                                          .close = connection->http->draining};
    return http_answer_events(connection, read_events, connection->stream, &options);
}

/* ---- begin and end ---- */

int http_stream_new(struct http_connection *connection) {
    struct http_stream *stream = calloc(1, sizeof(*stream));
    if (!stream)
        return -ENOMEM;
    /* What the script prints at the very end does not wait, but is bounded as all of it is. */
    size_t output_bytes = (size_t)connection->http->config->output_mb << 20;
    stream->connection = connection;
    stream->tap = (struct run_tap){.context = stream, .on_begun = on_begun, .on_output = on_output};
    event_stream_init(&stream->events, output_bytes * 2 + UNREAD_MOST);
    connection->stream = stream;
    queue_set_tap(connection->ticket, &stream->tap);
    return 0;
}

bool http_stream_has_begun(const struct http_connection *connection) {
    return connection->stream && connection->stream->begun;
}

void http_stream_finish(struct http_connection *connection) {
    struct http_stream *stream = connection->stream;
    struct response *response = connection->response;
    loop_timer_stop(connection->http->loop, &stream->beat);
    stream->finished = true;
    if (!response || event_stream_finish(&stream->events, response) < 0)
        stream->broken = true;
    http_connection_enter(connection, PHASE_ANSWER);
    connection->written = connection->exchange.answer_bytes;
    if (response) {
        http_exchange_take_response(connection, response);
        http_connection_hold(connection,
                             response_held_bytes(response) + event_stream_unread(&stream->events));
    }
    http_resume(connection);
}

void http_stream_free(struct http_connection *connection) {
    struct http_stream *stream = connection->stream;
    if (!stream)
        return;
    loop_timer_stop(connection->http->loop, &stream->beat);
    event_stream_done(&stream->events);
    free(stream);
    connection->stream = NULL;
}
