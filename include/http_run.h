/*
 * http_run: a connection's request with the queue: given to it, called back, and what comes of it.
 * Private to http*.c.
 */
#ifndef HTTP_RUN_H
#define HTTP_RUN_H

#include <microhttpd.h>
#include <stdbool.h>

#include "request.h"

struct config;
struct http_connection;

/* What a request may ask for. */
struct request_limits http_run_limits(const struct config *config);

/* The body of POST /execute is there. */
enum MHD_Result http_run_execute(struct http_connection *connection);

/* Takes what request owns. Answers in the form that connection says (events, JSON-RPC, plain). */
enum MHD_Result http_run_submit(struct http_connection *connection, struct request *request);

/* The answer is there: the handler is called once more for it. */
enum MHD_Result http_run_answer(struct http_connection *connection);

/* Nobody wants the answer any more. False if nothing was with the queue. */
bool http_run_cancel(struct http_connection *connection);

/* The client is gone while its request is with the queue: the run is cancelled, the connection
 * closed. */
void http_run_abandon(struct http_connection *connection);

#endif
