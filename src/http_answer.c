/*
 * http_answer: short bodies go out in one piece with their headers; long ones are encoded piece by
 * piece as the client reads.
 */
#include "http_answer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http_cors.h"
#include "http_state.h"
#include "http_write.h"
#include "response.h"

#define SHORT_BYTES 16384u
#define PIECE_BYTES ((size_t)64 << 10)

/* For every answer. An answer is data for the one who asked: no browser is to guess its type, keep
 * it, show it in a frame or load anything for it, unless it is a file of the page. */
static void add_headers(struct MHD_Response *answer, const struct http_answer_options *options) {
    MHD_add_response_header(answer, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(answer, "Cache-Control", options->etag ? "no-cache" : "no-store");
    if (options->etag)
        MHD_add_response_header(answer, "ETag", options->etag);
    MHD_add_response_header(answer, "Referrer-Policy", "no-referrer");
    MHD_add_response_header(answer, "Content-Security-Policy",
                            options->policy ? options->policy
                                            : "default-src 'none'; frame-ancestors 'none'");
    if (options->challenge)
        MHD_add_response_header(answer, "WWW-Authenticate", "Bearer");
    if (options->allow)
        MHD_add_response_header(answer, "Allow", options->allow);
    if (options->close)
        MHD_add_response_header(answer, "Connection", "close");
}

static void add_body_headers(struct http_connection *connection, struct MHD_Response *answer,
                             const struct http_answer_options *options) {
    MHD_add_response_header(answer, "Content-Type",
                            options->type ? options->type : "application/json");
    add_headers(answer, options);
    http_cors_add(connection, answer, false);
}

/* Appends ", start-STAGE;dur=MS" for each stage of the worker's start that was timed. */
static void add_stages(char *value, size_t size, const struct stage_trace *trace) {
    size_t length = strlen(value);
    for (unsigned stage = 0; stage < STAGE_COUNT; stage++) {
        if (trace->us[stage] == 0)
            continue;
        int n = snprintf(value + length, size - length, ", start-%s;dur=%u.%03u", stage_name(stage),
                         trace->us[stage] / 1000, trace->us[stage] % 1000);
        if (n < 0 || (size_t)n >= size - length)
            return;
        length += (size_t)n;
    }
}

static void add_run_headers(struct MHD_Response *answer, const struct response *response) {
    char value[1024];
    int64_t queue_us = response_queue_us(response), run_us = response_run_us(response);
    if (queue_us >= 0 && run_us >= 0) {
        snprintf(value, sizeof(value),
                 "queue;dur=%" PRId64 ".%03" PRId64 ", run;dur=%" PRId64 ".%03" PRId64,
                 queue_us / 1000, queue_us % 1000, run_us / 1000, run_us % 1000);
        add_stages(value, sizeof(value), response_trace(response));
        MHD_add_response_header(answer, "Server-Timing", value);
    }
    unsigned retry_after_s = response_retry_after_s(response);
    if (retry_after_s > 0) {
        snprintf(value, sizeof(value), "%u", retry_after_s);
        MHD_add_response_header(answer, "Retry-After", value);
    }
}

static enum MHD_Result give(struct http_connection *connection, unsigned status,
                            struct MHD_Response *answer, uint64_t body_bytes, size_t held_bytes) {
    MHD_add_response_header(answer, "X-Request-Id", connection->exchange.id);
    http_exchange_take_answer(connection, status, body_bytes);
    http_connection_enter(connection, PHASE_ANSWER);
    http_connection_hold(connection, held_bytes);
    enum MHD_Result result = MHD_queue_response(connection->mhd, status, answer);
    MHD_destroy_response(answer);
    return result;
}

enum MHD_Result http_answer_static(struct http_connection *connection, unsigned status,
                                   const char *bytes, size_t size,
                                   const struct http_answer_options *options) {
    struct MHD_Response *answer =
        MHD_create_response_from_buffer(size, (void *)bytes, MHD_RESPMEM_PERSISTENT);
    if (!answer)
        return MHD_NO;
    add_body_headers(connection, answer, options);
    return give(connection, status, answer, status == MHD_HTTP_NOT_MODIFIED ? 0 : size, 0);
}

enum MHD_Result http_answer_text(struct http_connection *connection, unsigned status,
                                 const char *text, const struct http_answer_options *options) {
    size_t size = strlen(text);
    struct MHD_Response *answer =
        MHD_create_response_from_buffer(size, (void *)text, MHD_RESPMEM_MUST_COPY);
    if (!answer)
        return MHD_NO;
    add_body_headers(connection, answer, options);
    return give(connection, status, answer, size, size > SHORT_BYTES ? size : 0);
}

enum MHD_Result http_answer_empty(struct http_connection *connection, unsigned status,
                                  const struct http_answer_options *options) {
    struct MHD_Response *answer = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    if (!answer)
        return MHD_NO;
    add_headers(answer, options);
    http_cors_add(connection, answer, status == MHD_HTTP_NO_CONTENT);
    return give(connection, status, answer, 0, 0);
}

enum MHD_Result http_answer_events(struct http_connection *connection,
                                   MHD_ContentReaderCallback read, void *context,
                                   const struct http_answer_options *options) {
    struct MHD_Response *answer =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, PIECE_BYTES, read, context, NULL);
    if (!answer)
        return MHD_NO;
    add_body_headers(connection, answer, options);
    /* Proxies that collect answers before they pass them on leave this one alone. */
    MHD_add_response_header(answer, "X-Accel-Buffering", "no");
    MHD_add_response_header(answer, "X-Request-Id", connection->exchange.id);
    http_exchange_take_answer(connection, MHD_HTTP_OK, 0);
    enum MHD_Result result = MHD_queue_response(connection->mhd, MHD_HTTP_OK, answer);
    MHD_destroy_response(answer);
    return result;
}

/* ---- long bodies ---- */

struct stream {
    struct http_connection *connection;
    struct response *response;
};

static ssize_t stream_read(void *context, uint64_t position, char *bytes, size_t size) {
    struct stream *stream = context;
    size_t got = response_read(stream->response, bytes, size);
    stream->connection->written = position + got;
    return got > 0 ? (ssize_t)got : MHD_CONTENT_READER_END_WITH_ERROR;
}

static void stream_free(void *context) {
    struct stream *stream = context;
    response_free(stream->response);
    free(stream);
}

static struct MHD_Response *make_long(struct http_connection *connection,
                                      struct response *response) {
    struct stream *stream = malloc(sizeof(*stream));
    if (!stream)
        return NULL;
    *stream = (struct stream){.connection = connection, .response = response};
    struct MHD_Response *answer = MHD_create_response_from_callback(
        response_size(response), PIECE_BYTES, stream_read, stream, stream_free);
    if (!answer)
        free(stream);
    return answer;
}

/* *ret_bytes is its body, as long as it lives. */
static struct MHD_Response *make_short(struct response *response, const char **ret_bytes) {
    size_t size = (size_t)response_size(response), used = 0, got;
    char *bytes = malloc(size);
    if (!bytes)
        return NULL;
    while (used < size && (got = response_read(response, bytes + used, size - used)) > 0)
        used += got;
    struct MHD_Response *answer = NULL;
    if (used == size)
        answer = MHD_create_response_from_buffer(size, bytes, MHD_RESPMEM_MUST_FREE);
    if (!answer)
        free(bytes);
    *ret_bytes = bytes;
    return answer;
}

enum MHD_Result http_answer_take(struct http_connection *connection, struct response *response,
                                 const struct http_answer_options *options) {
    bool is_short = response_size(response) <= SHORT_BYTES;
    const char *bytes;
    http_exchange_take_response(connection, response);
    unsigned status = (unsigned)response_status(response);
    uint64_t body_bytes = response_size(response);
    size_t held_bytes = is_short ? 0 : response_held_bytes(response);
    struct MHD_Response *answer =
        is_short ? make_short(response, &bytes) : make_long(connection, response);
    if (answer) {
        add_body_headers(connection, answer, options);
        add_run_headers(answer, response);
    }
    if (is_short || !answer)
        response_free(response);
    return answer ? give(connection, status, answer, body_bytes, held_bytes) : MHD_NO;
}

/* Of what connection->response holds. */
static struct http_answer_options kept_options(const struct http_connection *connection) {
    const struct response *response = connection->response;
    return (struct http_answer_options){
        .allow = connection->allow,
        .challenge = response && response_status(response) == 401,
        .close = connection->http->draining || connection->linger,
    };
}

enum MHD_Result http_answer_kept(struct http_connection *connection) {
    struct response *response = connection->response;
    struct http_answer_options options = kept_options(connection);
    connection->response = NULL;
    return response ? http_answer_take(connection, response, &options) : MHD_NO;
}

enum MHD_Result http_answer_in_upload(struct http_connection *connection) {
    struct response *response = connection->response;
    const char *bytes;
    struct MHD_Response *answer = response ? make_short(response, &bytes) : NULL;
    if (!answer)
        return MHD_NO;
    unsigned status = (unsigned)response_status(response);
    connection->linger = true;
    struct http_answer_options options = kept_options(connection);
    add_body_headers(connection, answer, &options);
    add_run_headers(answer, response);
    MHD_add_response_header(answer, "X-Request-Id", connection->exchange.id);
    if (http_write(connection, status, answer, bytes, (size_t)response_size(response))) {
        http_exchange_take_response(connection, response);
        http_exchange_take_answer(connection, status, response_size(response));
        connection->written = connection->exchange.answer_bytes;
    }
    MHD_destroy_response(answer);
    return MHD_NO;
}
