/*
 * http: the daemon in the loop, and the begin and end of connections and requests. What happens in
 * between is http_request's.
 */
#include "http.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config.h"
#include "http_head.h"
#include "http_request.h"
#include "http_run.h"
#include "http_state.h"
#include "log.h"
#include "process_stats.h"
#include "queue.h"

#define SPARE_CONNECTIONS 1024u /* beyond those that wait for a run */
#define SPARE_LEAST 8u          /* for /health and the like */
#define CROWDED_PERCENT 90u
#define SECOND_US 1000000LL
#define LEAST_CONNECTIONS 16u
#define SLOT_DESCRIPTORS 3u    /* the service's ends of a worker's pipes */
#define OTHER_DESCRIPTORS 128u /* half of them for connections that linger */

/* ---- the daemon in the loop ---- */

static void run_daemon(void *context) {
    struct http *http = context;
    unsigned long long timeout_ms;
    loop_timer_stop(http->loop, &http->timer);
    http->has_room = false;
    MHD_run(http->daemon);
    if (http->has_room)
        loop_timer_start(http->loop, &http->timer, 0, run_daemon, http);
    else if (MHD_get_timeout(http->daemon, &timeout_ms) == MHD_YES)
        loop_timer_start(http->loop, &http->timer, (int64_t)timeout_ms * 1000, run_daemon, http);
}

static void on_daemon_ready(void *context, uint32_t events) {
    (void)events;
    run_daemon(context);
}

void http_suspend(struct http_connection *connection) {
    connection->suspended = true;
    MHD_suspend_connection(connection->mhd);
}

/* The daemon looks at a connection that was resumed only when it is run. */
void http_resume(struct http_connection *connection) {
    struct http *http = connection->http;
    if (!connection->suspended)
        return;
    connection->suspended = false;
    MHD_resume_connection(connection->mhd);
    loop_timer_start(http->loop, &http->timer, 0, run_daemon, http);
}

static void tell_idle(struct http *http) {
    if (http->draining && http_is_idle(http))
        http->idle_fn(http->idle_context);
}

/* ---- a request's begin and end, a connection's begin and end ---- */

static struct http_connection *connection_of(struct MHD_Connection *mhd) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

/* The request line is there. What is returned becomes the request's context. */
static void *on_request_line(void *context, const char *uri, struct MHD_Connection *mhd) {
    (void)context;
    (void)uri;
    struct http_connection *connection = connection_of(mhd);
    if (connection && connection->phase == PHASE_IDLE)
        http_connection_enter(connection, PHASE_REQUEST);
    if (connection)
        http_exchange_start(connection);
    return connection;
}

static void on_completed(void *context, struct MHD_Connection *mhd, void **request_context,
                         enum MHD_RequestTerminationCode code) {
    (void)mhd;
    struct http_connection *connection = *request_context;
    *request_context = NULL;
    if (!connection)
        return;
    http_request_end(connection, code == MHD_REQUEST_TERMINATED_COMPLETED_OK);
    http_connection_enter(connection, PHASE_IDLE);
    tell_idle(context);
}

/* False: it has been told so, and is cut. */
static bool admit(struct http *http, struct http_connection *connection) {
    const unsigned limit = (unsigned)http->config->connections_per_address;
    const union MHD_ConnectionInfo *info =
        limit > 0 ? MHD_get_connection_info(connection->mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS)
                  : NULL;
    if (!info)
        return true;
    connection->address = http_address_key(info->client_addr);
    connection->counted = http_addresses_enter(&http->addresses, connection->address, limit);
    return connection->counted;
}

/* Before anything was read of it, so that it costs nothing. */
static void turn_away(struct http_connection *connection) {
    struct http *http = connection->http;
    char body[128], answer[384];
    int size = snprintf(body, sizeof(body),
                        "{\"error\": \"Too many connections from this address (limit %u)\", "
                        "\"outcome\": \"overloaded\"}",
                        (unsigned)http->config->connections_per_address);
    size = snprintf(answer, sizeof(answer),
                    "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\n"
                    "Retry-After: %u\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s",
                    queue_retry_after_s(http->queue), size, body);
    http->refused_connections++;
    (void)!send(connection->fd, answer, (size_t)size, MSG_DONTWAIT | MSG_NOSIGNAL);
    http_connection_cut(connection);
}

static void on_connection(void *context, struct MHD_Connection *mhd, void **socket_context,
                          enum MHD_ConnectionNotificationCode code) {
    struct http *http = context;
    struct http_connection *connection = *socket_context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        connection = http_connection_new(http, &http->connections, mhd);
        if (connection)
            buf_init(&connection->body, http->body_bytes);
        if (connection && !admit(http, connection))
            turn_away(connection);
        *socket_context = connection;
    } else if (connection) {
        if (connection->linger)
            http_linger_start(&http->lingers, connection->fd);
        if (connection->counted)
            http_addresses_leave(&http->addresses, connection->address);
        http_request_end(connection, false);
        http_connection_free(connection);
        /* At its limit the daemon watches no listener, and again only when it is run. */
        http->has_room = true;
        *socket_context = NULL;
    }
}

/* Paths are compared as they came: "/health%00x" is not "/health". */
static size_t leave_escaped(void *context, struct MHD_Connection *mhd, char *text) {
    (void)context;
    (void)mhd;
    return strlen(text);
}

/* ---- the interface ---- */

/* As many as the descriptors allow: were they all used up by clients, no script could run. The
 * slots count twice, since a replaced zygote's workers may still run. getrlimit(2). */
static unsigned connection_limit(const struct config *config) {
    struct rlimit limit;
    uint64_t wanted = config->connections;
    if (wanted > 0 && wanted < config->queue + config->slots + SPARE_LEAST)
        log_line(LOG_WARNING,
                 "--connections is less than --slots, --queue and %u together: when all "
                 "wait for a run, nobody else is answered",
                 SPARE_LEAST);
    if (wanted == 0)
        wanted = SPARE_CONNECTIONS + config->queue + config->slots;
    uint64_t reserve = OTHER_DESCRIPTORS + 2 * SLOT_DESCRIPTORS * config_total_slots(config);
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= wanted + reserve)
        return (unsigned)wanted;
    uint64_t left = limit.rlim_cur > reserve ? limit.rlim_cur - reserve : 0;
    left = left > LEAST_CONNECTIONS ? left : LEAST_CONNECTIONS;
    log_line(LOG_WARNING,
             "%" PRIu64 " connections at once instead of %" PRIu64 ": no more than %" PRIu64
             " descriptors are allowed (ulimit -n)",
             left, wanted, (uint64_t)limit.rlim_cur);
    return (unsigned)left;
}

static struct MHD_Daemon *start_daemon(struct http *http, int listener, unsigned connections) {
    return MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, http_request_handle, http,
        MHD_OPTION_LISTEN_SOCKET, listener,                       /* closed by MHD_stop_daemon */
        MHD_OPTION_CONNECTION_LIMIT, connections,                 /* of all clients together */
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, HTTP_HEAD_POOL_BYTES, /* and parts of the body */
        MHD_OPTION_CONNECTION_TIMEOUT, 0u,                        /* see http_connection */
        MHD_OPTION_STRICT_FOR_CLIENT, 0,                          /* see http_framing */
        MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, NULL,        /* of paths */
        MHD_OPTION_URI_LOG_CALLBACK, on_request_line, http,       /* first of a request */
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, http,          /* last of a request */
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, http,        /* first and last of all */
        MHD_OPTION_END);
}

int http_new(struct loop *loop, struct queue *queue, const struct config *config,
             const struct tokens *tokens, int listener, struct http **ret_http) {
    struct http *http = calloc(1, sizeof(*http));
    if (!http) {
        close(listener);
        return -ENOMEM;
    }
    unsigned connections = connection_limit(config);
    unsigned spare = connections < SPARE_CONNECTIONS ? connections : SPARE_CONNECTIONS;
    http->loop = loop;
    http->queue = queue;
    http->config = config;
    http->tokens = tokens;
    http->body_bytes = http_request_body_bytes(config);
    http->started_us = process_wall_us();
    metrics_init(&http->metrics);
    http->connections.loop = http->lingers.loop = loop;
    http->connections.longest_us[PHASE_REQUEST] = (int64_t)config->head_s * SECOND_US;
    http->connections.longest_us[PHASE_BODY] = (int64_t)config->body_s * SECOND_US;
    http->connections.longest_us[PHASE_IDLE] = (int64_t)config->idle_s * SECOND_US;
    http->connections.held_most = (size_t)config->answers_mb << 20;
    http->connections.most = connections;
    http->connections.crowded = connections - spare * (100 - CROWDED_PERCENT) / 100;
    http->daemon = start_daemon(http, listener, connections);
    if (!http->daemon) {
        close(listener);
        free(http);
        return -EIO;
    }
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    int r = info ? loop_file_add(loop, &http->file, info->epoll_fd, EPOLLIN, on_daemon_ready, http)
                 : -EIO;
    if (r < 0) {
        http_free(http);
        return r;
    }
    *ret_http = http;
    return 0;
}

void http_free(struct http *http) {
    if (!http)
        return;
    http->draining = false;
    /* The daemon must not be stopped while a connection is suspended. */
    struct http_connection *connection = http->connections.phases[PHASE_RUN].first;
    for (; connection; connection = connection->next)
        if (connection->ticket)
            http_run_abandon(connection);
    loop_file_remove(http->loop, &http->file);
    MHD_stop_daemon(http->daemon);
    loop_timer_stop(http->loop, &http->timer);
    http_lingers_done(&http->lingers);
    free(http);
}

void http_drain(struct http *http, http_idle_fn *idle_fn, void *context) {
    http->draining = true;
    http->idle_fn = idle_fn;
    http->idle_context = context;
}

void http_drain_no_longer(struct http *http) {
    http->impatient = true;
    tell_idle(http);
}

bool http_is_idle(const struct http *http) {
    return (http->impatient || http->connections.phases[PHASE_BODY].count == 0) &&
           http->connections.phases[PHASE_RUN].count == 0 &&
           http->connections.phases[PHASE_ANSWER].count == 0;
}
