/*
 * http_stream: the answer of a run as server-sent events while it runs. The head of the answer goes
 * out when the script starts; what is known to fail before is answered as always. A client that
 * does not read makes its script wait. Private to http*.c.
 */
#ifndef HTTP_STREAM_H
#define HTTP_STREAM_H

#include <microhttpd.h>
#include <stdbool.h>

struct http_connection;

/* Whether this request is to be answered so. version: of HTTP, as libmicrohttpd says it. */
bool http_stream_is_wanted(struct http_connection *connection, const char *version);

/* The connection, which is suspended and has a ticket, has a stream from now on. 0 or -ENOMEM. */
int http_stream_new(struct http_connection *connection);

/* Whether the script has started, so that the answer is events. */
bool http_stream_has_begun(const struct http_connection *connection);

/* Gives libmicrohttpd the answer. */
enum MHD_Result http_stream_answer(struct http_connection *connection);

/* The run is over: its answer, which connection->response has (NULL: out of memory), is the last
 * event. The connection is resumed. */
void http_stream_finish(struct http_connection *connection);

/* Nothing happens without a stream. */
void http_stream_free(struct http_connection *connection);

#endif
