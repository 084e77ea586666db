/*
 * http_state: what the parts of http share. Private to http*.c.
 */
#ifndef HTTP_STATE_H
#define HTTP_STATE_H

#include "http.h"
#include "http_addresses.h"
#include "http_connection.h"
#include "http_linger.h"
#include "metrics.h"

struct http {
    struct loop *loop;
    struct queue *queue;
    const struct config *config;
    const struct tokens *tokens;
    struct MHD_Daemon *daemon;
    struct loop_file file;   /* the daemon's epoll descriptor */
    struct loop_timer timer; /* when the daemon wants to be run without an event */
    struct http_connections connections;
    struct http_lingers lingers;
    struct http_addresses addresses;
    size_t body_bytes;            /* most of one request */
    size_t bodies_bytes;          /* of all that are being read */
    uint64_t refused_connections; /* for their address */
    bool has_room;                /* a connection was closed while the daemon was run */
    struct metrics metrics;
    int64_t started_us;               /* since 1970 */
    unsigned probes[METRICS_TARGETS]; /* last status; 0: not asked yet */
    bool draining;
    bool impatient; /* requests that are still being sent are not waited for */
    http_idle_fn *idle_fn;
    void *idle_context;
};

/* libmicrohttpd leaves the connection alone. Only in its callbacks. */
void http_suspend(struct http_connection *connection);

/* Has the handler, or an answer's reader, called once more; nothing if it is not suspended. */
void http_resume(struct http_connection *connection);

#endif
