/*
 * http_exchange: one request and its answer as the log and the metrics will tell of it: filled in
 * on the way, told once at the end. Decides nothing. Private to http*.c.
 */
#ifndef HTTP_EXCHANGE_H
#define HTTP_EXCHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "metrics.h"
#include "request_id.h"
#include "trace_context.h"

struct http_connection;
struct response;

/* Zero-filled between two requests. */
struct http_exchange {
    int64_t began_us; /* when its first line was there */
    bool known;       /* its head is there */
    enum metrics_target target;
    char method[24], path[512], agent[256]; /* as they came, cut; agent empty: none */
    char id[REQUEST_ID_BYTES];
    struct trace_context trace;
    unsigned status;  /* 0: no answer yet */
    int known_status; /* see log_request */
    const char *outcome;
    uint64_t answer_bytes;
    int64_t queue_us, run_us; /* -1: nothing was run */
    uint64_t peak_memory_bytes;
};

/* The request line is there. */
void http_exchange_start(struct http_connection *connection);
/* The head is there. */
void http_exchange_take_head(struct http_connection *connection, const char *method,
                             const char *path);
/* The answer of a run, or a refusal. */
void http_exchange_take_response(struct http_connection *connection,
                                 const struct response *response);
/* An answer is given to libmicrohttpd. body_bytes: its whole body, though HEAD gets none of it. */
void http_exchange_take_answer(struct http_connection *connection, unsigned status,
                               uint64_t body_bytes);
/* The client left while its request was with the queue. */
void http_exchange_cancel(struct http_connection *connection);

/* Counts and logs it; zero-filled afterwards. whole: the answer went out to its end. */
void http_exchange_end(struct http_connection *connection, bool whole);

#endif
