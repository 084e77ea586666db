/*
 * http_head: what is refused before anybody looks at what a request wants. Private to http*.c.
 */
#ifndef HTTP_HEAD_H
#define HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>

struct http_connection;

/* Of one connection in libmicrohttpd. It keeps a request's head there, a copy of its cookies, 56
 * bytes for each field and cookie, and makes the answer's head there. What is larger than
 * http_head_refuse allows would leave no room for that: the script would run, and the connection be
 * closed without an answer. */
#define HTTP_HEAD_POOL_BYTES ((size_t)48 << 10)

/* Whether the request, whose head is there, is refused: its end is not clear (see http_framing), or
 * the head is too large. Nothing more may be read from the connection then. version: "HTTP/1.1". */
bool http_head_refuse(struct http_connection *connection, const char *version);

#endif
