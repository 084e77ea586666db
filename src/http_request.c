/*
 * http_request: decides from the head what a request is, collects its body, gives it to the queue,
 * answers it. Whatever is refused is refused when it has been read, so that the connection can be
 * kept; only what is far too long, or has no clear end, is answered at once.
 */
#include "http_request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "http_answer.h"
#include "http_cors.h"
#include "http_head.h"
#include "http_mcp.h"
#include "http_metrics.h"
#include "http_page.h"
#include "http_ready.h"
#include "http_refuse.h"
#include "http_routes.h"
#include "http_run.h"
#include "http_state.h"
#include "http_stream.h"
#include "openapi.h"
#include "queue.h"
#include "request.h"
#include "response.h"
#include "tokens.h"

/* Of what all requests that are being read, wait, or are kept for their worker may hold, large ones
 * leave a fifth to the others. */
#define LARGE_BUDGET(all) ((all) / 5 * 4)
#define LARGE_BYTES ((size_t)1 << 20)
#define METRICS_BYTES ((size_t)256 << 10)
#define THROW_AWAY_BYTES ((size_t)8 << 20) /* of a refused body, before its answer */

size_t http_request_body_bytes(const struct config *config) {
    return ((size_t)3 * config->input_mb + 2) << 20;
}

static enum MHD_Result answer_health(struct http_connection *connection) {
    bool draining = connection->http->draining;
    struct http_answer_options options = {.close = draining};
    return http_answer_text(connection, draining ? 503 : 200,
                            draining ? "{\"status\": \"draining\"}" : "{\"status\": \"healthy\"}",
                            &options);
}

static enum MHD_Result answer_ready(struct http_connection *connection) {
    struct http *http = connection->http;
    struct queue_state state = queue_state(http->queue);
    struct http_answer_options options = {.close = http->draining};
    char json[HTTP_READY_BYTES];
    http_ready_json(&state, json);
    return http_answer_text(connection, state.accepting ? 200 : 503, json, &options);
}

static enum MHD_Result answer_preflight(struct http_connection *connection) {
    struct http_answer_options options = {.close = connection->http->draining};
    return http_answer_empty(connection, MHD_HTTP_NO_CONTENT, &options);
}

static enum MHD_Result answer_metrics(struct http_connection *connection) {
    struct http_answer_options options = {.type = HTTP_METRICS_TYPE,
                                          .close = connection->http->draining};
    struct buf text;
    buf_init(&text, METRICS_BYTES);
    enum MHD_Result result = MHD_NO;
    if (http_metrics_text(connection->http, &text) == 0)
        result = http_answer_text(connection, 200, text.data, &options);
    buf_done(&text);
    return result;
}

static enum MHD_Result answer_openapi(struct http_connection *connection) {
    struct http_answer_options options = {.close = connection->http->draining};
    return http_answer_text(connection, 200, openapi_json, &options);
}

/* ---- a request ---- */

static const char *header(struct http_connection *connection, const char *name) {
    return MHD_lookup_connection_value(connection->mhd, MHD_HEADER_KIND, name);
}

static void refuse_size(struct http_connection *connection) {
    char text[96];
    snprintf(text, sizeof(text), "Request size is over the limit of %zu bytes",
             connection->http->body_bytes);
    http_refuse(connection, 413, text);
}

/* NULL: refused, see *ret_refusal. Who may come in is decided first: whoever may not learns nothing
 * about paths. */
static const struct http_route *find_route(struct http_connection *connection, const char *path,
                                           const char *method, struct http_refusal *ret_refusal) {
    if (http_cors_is_preflight(connection, method))
        return &http_route_preflight;
    if (http_route_is_open(path) ||
        tokens_allow(connection->http->tokens, header(connection, "Authorization")))
        return http_route_find(path, method, header(connection, "Content-Type"),
                               header(connection, "Content-Encoding"), ret_refusal);
    *ret_refusal = (struct http_refusal){
        401, "A valid token is needed in the header Authorization: Bearer TOKEN", NULL};
    return NULL;
}

static enum MHD_Result take_head(struct http_connection *connection, const char *path,
                                 const char *method, const char *version) {
    struct http_refusal refusal = {0};
    connection->step = STEP_BODY;
    http_connection_enter(connection, PHASE_BODY);
    http_exchange_take_head(connection, method, path);
    if (http_head_refuse(connection, version)) {
        connection->linger = true;
        return http_answer_kept(connection);
    }
    connection->route = find_route(connection, path, method, &refusal);
    if (connection->route && connection->route->target == TARGET_MCP) {
        refusal.status = http_mcp_check_head(connection, &refusal.text);
        if (refusal.status)
            connection->route = NULL;
    }
    if (!connection->route)
        http_refuse(connection, refusal.status, refusal.text);
    connection->allow = refusal.allow;
    const char *length = header(connection, "Content-Length");
    bool too_long = length && strtoull(length, NULL, 10) > connection->http->body_bytes;
    bool has_body =
        length ? strcmp(length, "0") != 0 : header(connection, "Transfer-Encoding") != NULL;
    if (connection->route && too_long)
        refuse_size(connection);
    bool at_once = too_long || header(connection, "Expect") || (refusal.status == 401 && has_body);
    if (connection->route || !at_once)
        return MHD_YES;
    /* What the client would send is not wanted. It may send it all the same. */
    connection->linger = true;
    return http_answer_kept(connection);
}

static bool has_room(const struct http_connection *connection, size_t size) {
    const struct http *http = connection->http;
    bool large = connection->body.size + size > LARGE_BYTES;
    size_t wanted = http->bodies_bytes + size, all = (size_t)http->config->requests_mb << 20;
    size_t budget = large ? LARGE_BUDGET(all) : all;
    if (wanted + queue_held_bytes(http->queue) <= budget)
        return true;
    queue_reclaim(http->queue);
    return wanted + queue_held_bytes(http->queue) <= budget;
}

static enum MHD_Result take_body(struct http_connection *connection, const char *bytes,
                                 size_t size) {
    struct http *http = connection->http;
    connection->body_size += size;
    if (connection->route && connection->body_size > http->body_bytes)
        refuse_size(connection);
    if (!connection->route)
        return connection->body_size > http->body_bytes + THROW_AWAY_BYTES
                   ? http_answer_in_upload(connection)
                   : MHD_YES;
    if (!has_room(connection, size)) {
        http_refuse_overloaded(connection, "Too many large requests at once");
        return MHD_YES;
    }
    if (buf_append(&connection->body, bytes, size) < 0)
        return MHD_NO;
    http->bodies_bytes += size;
    return MHD_YES;
}

static enum MHD_Result take_end(struct http_connection *connection, const char *path) {
    if (!connection->route)
        return http_answer_kept(connection);
    switch (connection->route->target) {
    case TARGET_HEALTH:
        return answer_health(connection);
    case TARGET_READY:
        return answer_ready(connection);
    case TARGET_PREFLIGHT:
        return answer_preflight(connection);
    case TARGET_METRICS:
        return answer_metrics(connection);
    case TARGET_OPENAPI:
        return answer_openapi(connection);
    case TARGET_MCP:
        return http_mcp_answer(connection);
    case TARGET_PAGE:
        return http_page_answer(connection, path, connection->http->draining);
    default:
        return http_run_execute(connection);
    }
}

enum MHD_Result http_request_handle(void *context, struct MHD_Connection *mhd, const char *path,
                                    const char *method, const char *version, const char *bytes,
                                    size_t *size, void **request_context) {
    (void)context;
    (void)mhd;
    struct http_connection *connection = *request_context;
    if (!connection || connection->gone)
        return MHD_NO;
    if (connection->step == STEP_HEADERS) {
        connection->wants_events = http_stream_is_wanted(connection, version);
        return take_head(connection, path, method, version);
    }
    if (connection->step == STEP_ANSWER)
        return http_run_answer(connection);
    if (*size == 0)
        return take_end(connection, path);
    enum MHD_Result result = take_body(connection, bytes, *size);
    *size = 0;
    return result;
}

void http_request_end(struct http_connection *connection, bool whole) {
    struct http *http = connection->http;
    http_run_cancel(connection);
    http_exchange_end(connection, whole);
    http_stream_free(connection);
    http->bodies_bytes -= connection->body.size;
    buf_done(&connection->body);
    response_free(connection->response);
    connection->response = NULL;
    connection->body_size = 0;
    connection->route = NULL;
    connection->allow = NULL;
    free(connection->rpc_id);
    connection->rpc_id = NULL;
    connection->step = STEP_HEADERS;
}
