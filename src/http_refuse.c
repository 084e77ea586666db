/* http_refuse: out of memory for the answer, the connection is closed (see http_answer_kept). */
#include "http_refuse.h"

#include "http_routes.h"
#include "http_state.h"
#include "queue.h"
#include "response.h"

static const char *word_of(int status) {
    return status == 401 ? "unauthorized" : "invalid_request";
}

/* The request is of no interest any more; this is its answer when it has been read. */
static void keep_take(struct http_connection *connection, struct response *response) {
    connection->route = NULL;
    connection->http->bodies_bytes -= connection->body.size;
    buf_done(&connection->body);
    connection->response = response;
}

void http_refuse(struct http_connection *connection, int status, const char *text) {
    struct response *response = NULL;
    response_new_error(status, word_of(status), text, &response);
    keep_take(connection, response);
}

void http_refuse_overloaded(struct http_connection *connection, const char *text) {
    struct outcome outcome;
    struct response *response = NULL;
    outcome_init(&outcome, 0, 256);
    outcome_set(&outcome, VERDICT_OVERLOADED, "%s", text);
    outcome.queue_us = outcome.run_us = -1;
    outcome.retry_after_s = queue_retry_after_s(connection->http->queue);
    if (connection->route &&
        (connection->route->target == TARGET_EXECUTE || connection->route->target == TARGET_MCP))
        metrics_count_run(&connection->http->metrics, &outcome);
    response_new_take(&outcome, &response);
    outcome_done(&outcome);
    keep_take(connection, response);
}
