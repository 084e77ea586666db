/*
 * http_run: the connection is suspended while the queue has its request, and watched, since
 * libmicrohttpd does not look at it then.
 */
#include "http_run.h"

#include <errno.h>

#include "config.h"
#include "http_answer.h"
#include "http_refuse.h"
#include "http_state.h"
#include "http_stream.h"
#include "queue.h"
#include "response.h"

static void on_answer(void *context, struct outcome *outcome) {
    struct http_connection *connection = context;
    connection->ticket = NULL;
    metrics_count_run(&connection->http->metrics, outcome);
    if (connection->rpc_id)
        response_new_mcp_take(outcome, connection->rpc_id, &connection->response);
    else
        response_new_take(outcome, &connection->response);
    if (http_stream_has_begun(connection))
        http_stream_finish(connection);
    else
        http_resume(connection);
}

bool http_run_cancel(struct http_connection *connection) {
    struct ticket *ticket = connection->ticket;
    if (!ticket)
        return false;
    connection->ticket = NULL;
    queue_cancel(ticket);
    http_exchange_cancel(connection);
    return true;
}

void http_run_abandon(struct http_connection *connection) {
    loop_file_remove(connection->http->loop, &connection->watch);
    connection->gone = true;
    /* Without a ticket the answer is there and the connection resumed already. */
    if (!http_run_cancel(connection))
        return;
    /* While what was sent of a stream is not read, libmicrohttpd asks for no more, and would not
     * learn of it. */
    if (http_stream_has_begun(connection))
        http_connection_cut(connection);
    http_resume(connection);
}

/* A client that has only closed its own direction looks the same as one that is gone until
 * something is sent, and libmicrohttpd closes on it in any case. */
static void on_client_left(void *context, uint32_t events) {
    (void)events;
    http_run_abandon(context);
}

enum MHD_Result http_run_submit(struct http_connection *connection, struct request *request) {
    struct http *http = connection->http;
    connection->step = STEP_ANSWER;
    int r = queue_submit(http->queue, request, on_answer, connection, &connection->ticket);
    if (r < 0) {
        request_done(request);
        return MHD_NO;
    }
    if (!connection->ticket)
        return http_answer_kept(connection);
    http_connection_enter(connection, PHASE_RUN);
    http_suspend(connection);
    if (http_connection_watch(connection, on_client_left) < 0 ||
        (connection->wants_events && !connection->rpc_id && http_stream_new(connection) < 0))
        http_run_abandon(connection);
    return MHD_YES;
}

enum MHD_Result http_run_answer(struct http_connection *connection) {
    return http_stream_has_begun(connection) ? http_stream_answer(connection)
                                             : http_answer_kept(connection);
}

struct request_limits http_run_limits(const struct config *config) {
    return (struct request_limits){
        .script_bytes = (size_t)config->script_bytes,
        .timeout_us = (int64_t)config->timeout_s * 1000000,
        .memory_bytes = config->memory_mb << 20,
        .least_memory_bytes = CONFIG_LEAST_MEMORY_MB << 20,
        .inputs = {.total_bytes = (size_t)config->input_mb << 20,
                   .file_bytes = (size_t)config->file_mb << 20},
    };
}

enum MHD_Result http_run_execute(struct http_connection *connection) {
    struct http *http = connection->http;
    struct request_limits limits = http_run_limits(http->config);
    struct request request;
    struct request_error error;
    int r = request_parse(connection->body.data, connection->body.size, &limits, &request, &error);
    http->bodies_bytes -= connection->body.size;
    buf_done(&connection->body);
    if (r == 0)
        return http_run_submit(connection, &request);
    if (r == -EINVAL)
        http_refuse(connection, error.status, error.text);
    else
        http_refuse_overloaded(connection, "The service is out of memory");
    return http_answer_kept(connection);
}
