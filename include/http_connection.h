/*
 * http_connection: one client's connection: in which phase it is, how long it may stay there, and
 * whether the client is still there. Private to http*.c.
 *
 * libmicrohttpd's own time-out only knows idleness, and a suspended connection is not looked at: so
 * each phase has its deadline here, and while a run is on, the socket is watched for the client's
 * leaving. A connection is cut by shutdown(2), upon which libmicrohttpd closes it.
 */
#ifndef HTTP_CONNECTION_H
#define HTTP_CONNECTION_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "http_exchange.h"
#include "loop.h"

struct http;
struct http_stream;
struct response;
struct ticket;

struct http_connections;

enum http_phase {
    PHASE_REQUEST, /* the head of a request comes in */
    PHASE_BODY,    /* and its body */
    PHASE_IDLE,    /* between two requests */
    PHASE_RUN,     /* the queue has the request; suspended, or events are being sent */
    PHASE_ANSWER,  /* an answer is being written */
    PHASE_COUNT
};

enum http_step { STEP_HEADERS, STEP_BODY, STEP_ANSWER };

struct http_connection {
    struct http *http;
    struct http_connections *all;
    struct MHD_Connection *mhd;
    int fd; /* libmicrohttpd's */
    enum http_phase phase;
    int64_t since_us; /* it is in this phase */
    bool gone;        /* cut, or the client left: whatever comes is refused */
    bool linger;      /* the client may still write when this is closed */
    bool half_closed; /* the client sends no more than what has arrived */
    bool counted;     /* among those of its address */
    bool suspended;   /* libmicrohttpd does not look at it */
    uint64_t address; /* as http_address_key() says */
    struct loop_timer timer;
    struct loop_file watch;
    /* The answer that is written: handed to libmicrohttpd so far, and what looks at it found. */
    uint64_t written;
    uint64_t last_acknowledged; /* by the client, when it was looked at last */
    uint64_t progress;          /* bytes from the look before to the last one */
    unsigned looks, stalls;     /* stalls: looks that found too little */
    size_t held_bytes;          /* memory that the answer holds */
    /* The request. */
    enum http_step step;
    const struct http_route *route; /* NULL: refused */
    const char *allow;              /* of a refusal; NULL: no such header */
    struct buf body;
    size_t body_size; /* with what was thrown away */
    struct ticket *ticket;
    bool wants_events;
    char *rpc_id; /* JSON text: of a JSON-RPC request, which its answer has; NULL: it is none */
    struct http_stream *stream; /* NULL: it has none */
    struct http_exchange exchange;
    struct response *response;               /* made, not yet handed over */
    struct http_connection *next, *previous; /* of this phase, oldest first */
};

struct http_connection_list {
    struct http_connection *first, *last;
    unsigned count;
};

struct http_connections {
    struct loop *loop;
    unsigned count;
    unsigned crowded;  /* from this many on, one is cut for each new one: see make_room() */
    unsigned most;     /* that libmicrohttpd lets in */
    uint64_t cut;      /* by the service: too slow, or in others' way */
    size_t held_bytes; /* by all answers but those that were cut */
    size_t held_most;  /* beyond that the slowest readers are cut */
    int64_t longest_us[PHASE_COUNT]; /* that one may stay in a phase; 0: for ever */
    struct http_connection_list phases[PHASE_COUNT];
};

/* In PHASE_REQUEST. NULL if out of memory. */
struct http_connection *http_connection_new(struct http *http, struct http_connections *all,
                                            struct MHD_Connection *mhd);
/* What belongs to the request must have been released. */
void http_connection_free(struct http_connection *connection);

/* Enters a phase; its deadline starts. */
void http_connection_enter(struct http_connection *connection, enum http_phase phase);

/* Counts the answer, which has just begun, against the budget that all answers share. As long as
 * that is exceeded, the slowest reader of those that hold something is cut, or the oldest where
 * none was looked at yet; never this one, so that one alone may be larger. */
void http_connection_hold(struct http_connection *connection, size_t bytes);

/* Calls fn(connection) when the client has left. 0 or -errno. */
int http_connection_watch(struct http_connection *connection, loop_file_fn *fn);

/* Ends it. The client has left, or may not stay. What its answer holds counts no more. */
void http_connection_cut(struct http_connection *connection);

#endif
