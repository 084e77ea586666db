/*
 * http_cors: the headers by which a browser lets web pages of other origins read the answers (see
 * cors.h), and the question that it asks first. Without --cors-origin there is none of it. Private
 * to http*.c.
 */
#ifndef HTTP_CORS_H
#define HTTP_CORS_H

#include <microhttpd.h>
#include <stdbool.h>

struct http_connection;

/* Whether it is the question of a page whose origin is allowed; without a token, since browsers
 * send none with it. */
bool http_cors_is_preflight(struct http_connection *connection, const char *method);

/* preflight: it is the answer to that question. */
void http_cors_add(struct http_connection *connection, struct MHD_Response *answer, bool preflight);

#endif
