/* http_exchange: copies what it needs, since libmicrohttpd's memory is gone or used again by then.
 */
#include "http_exchange.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "config.h"
#include "http_connection.h"
#include "http_routes.h"
#include "http_state.h"
#include "log.h"
#include "response.h"

#define STATUS_UNANSWERED 499

static const char *header(struct http_connection *connection, const char *name) {
    return MHD_lookup_connection_value(connection->mhd, MHD_HEADER_KIND, name);
}

static void copy(char *place, size_t size, const char *text) {
    size_t length = strnlen(text, size - 1);
    memcpy(place, text, length);
    place[length] = 0;
}

void http_exchange_start(struct http_connection *connection) {
    connection->exchange = (struct http_exchange){.began_us = loop_now_us()};
}

static enum metrics_target target_of(const char *path) {
    static const enum metrics_target targets[] = {
        [TARGET_EXECUTE] = METRICS_EXECUTE, [TARGET_HEALTH] = METRICS_HEALTH,
        [TARGET_READY] = METRICS_READY,     [TARGET_METRICS] = METRICS_METRICS,
        [TARGET_MCP] = METRICS_MCP,         [TARGET_OPENAPI] = METRICS_OPENAPI,
        [TARGET_PAGE] = METRICS_PAGE,       [TARGET_OTHER] = METRICS_OTHER,
    };
    return targets[http_route_target(path)];
}

void http_exchange_take_head(struct http_connection *connection, const char *method,
                             const char *path) {
    struct http_exchange *exchange = &connection->exchange;
    const char *agent = header(connection, MHD_HTTP_HEADER_USER_AGENT);
    const char *id = header(connection, "X-Request-Id");
    const char *w3c = header(connection, "traceparent");
    const char *cloud = header(connection, "X-Cloud-Trace-Context");
    exchange->known = true;
    exchange->target = target_of(path);
    exchange->queue_us = exchange->run_us = -1;
    copy(exchange->method, sizeof(exchange->method), method);
    copy(exchange->path, sizeof(exchange->path), path);
    copy(exchange->agent, sizeof(exchange->agent), agent ? agent : "");
    if (id && request_id_is_valid(id))
        copy(exchange->id, sizeof(exchange->id), id);
    else
        request_id_make(exchange->id);
    if (!w3c || !trace_context_parse_w3c(w3c, &exchange->trace))
        if (cloud)
            trace_context_parse_cloud(cloud, &exchange->trace);
}

void http_exchange_take_response(struct http_connection *connection,
                                 const struct response *response) {
    struct http_exchange *exchange = &connection->exchange;
    exchange->outcome = response_word(response);
    exchange->known_status = response_status(response);
    exchange->queue_us = response_queue_us(response);
    exchange->run_us = response_run_us(response);
    exchange->peak_memory_bytes = response_peak_memory_bytes(response);
}

void http_exchange_take_answer(struct http_connection *connection, unsigned status,
                               uint64_t body_bytes) {
    struct http_exchange *exchange = &connection->exchange;
    exchange->status = status;
    exchange->answer_bytes = strcmp(exchange->method, MHD_HTTP_METHOD_HEAD) == 0 ? 0 : body_bytes;
}

void http_exchange_cancel(struct http_connection *connection) {
    connection->exchange.outcome = "cancelled";
    metrics_count_cancelled(&connection->http->metrics);
}

/* IPv4 that came to an IPv6 socket is shown as IPv4. NULL: not known. */
static const char *client_address(struct http_connection *connection, char text[INET6_ADDRSTRLEN]) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection->mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    if (!info || !info->client_addr)
        return NULL;
    if (info->client_addr->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const void *)info->client_addr;
        return inet_ntop(AF_INET, &v4->sin_addr, text, INET6_ADDRSTRLEN);
    }
    if (info->client_addr->sa_family != AF_INET6)
        return NULL;
    const struct sockaddr_in6 *v6 = (const void *)info->client_addr;
    if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
        return inet_ntop(AF_INET, &v6->sin6_addr.s6_addr[12], text, INET6_ADDRSTRLEN);
    return inet_ntop(AF_INET6, &v6->sin6_addr, text, INET6_ADDRSTRLEN);
}

static const char *or_null(const char *text) {
    return *text ? text : NULL;
}

static void tell_log(struct http_connection *connection, uint64_t answer_bytes, int64_t total_us) {
    const struct http_exchange *exchange = &connection->exchange;
    char client[INET6_ADDRSTRLEN];
    const struct log_request request = {
        .method = exchange->method,
        .path = exchange->path,
        .agent = or_null(exchange->agent),
        .client = client_address(connection, client),
        .id = exchange->id,
        .trace = or_null(exchange->trace.trace),
        .span = or_null(exchange->trace.span),
        .project = or_null(connection->http->config->log_project),
        .outcome = exchange->outcome,
        .status = (int)exchange->status,
        .known_status = exchange->known_status,
        .request_bytes = connection->body_size,
        .response_bytes = answer_bytes,
        .total_us = total_us,
        .queue_us = exchange->queue_us,
        .run_us = exchange->run_us,
        .peak_memory_bytes = exchange->peak_memory_bytes,
    };
    log_request(&request);
}

/* What load balancers and monitoring ask all the time, when the answer is what it was. */
static bool is_quiet_probe(struct http *http, const struct http_exchange *exchange) {
    bool is_probe = exchange->target == METRICS_HEALTH || exchange->target == METRICS_READY ||
                    exchange->target == METRICS_METRICS;
    if (!is_probe || (exchange->status != 200 && exchange->status != 503))
        return false;
    unsigned *last = &http->probes[exchange->target];
    bool is_news = exchange->status != (*last ? *last : 200);
    *last = exchange->status;
    return !is_news;
}

/* Of an answer that was cut, the pieces that were taken; a short one has none, and counts as 0. */
static uint64_t sent_bytes(const struct http_connection *connection, bool whole) {
    const struct http_exchange *exchange = &connection->exchange;
    return whole ? exchange->answer_bytes : exchange->status ? connection->written : 0;
}

void http_exchange_end(struct http_connection *connection, bool whole) {
    struct http_exchange *exchange = &connection->exchange;
    struct http *http = connection->http;
    if (exchange->known) {
        int64_t total_us = loop_now_us() - exchange->began_us;
        uint64_t answer_bytes = sent_bytes(connection, whole);
        if (exchange->status == 0)
            exchange->status = STATUS_UNANSWERED;
        metrics_count_request(&http->metrics, exchange->target, exchange->status, total_us);
        bool is_quiet = is_quiet_probe(http, exchange);
        if (http->config->log_probes || !is_quiet)
            tell_log(connection, answer_bytes, total_us);
    }
    *exchange = (struct http_exchange){0};
}
