/*
 * http_write: an answer where libmicrohttpd takes none, which is so while the body of its request
 * still comes in: it is written to the socket past it. Private to http*.c.
 */
#ifndef HTTP_WRITE_H
#define HTTP_WRITE_H

#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>

struct http_connection;

/* Writes status, date, the headers of answer and size bytes of a body. Only where nothing of an
 * answer to this request was sent, and only if the connection is closed afterwards. Does not block:
 * false if the kernel did not take all of it, or memory is out. */
bool http_write(struct http_connection *connection, unsigned status, struct MHD_Response *answer,
                const char *body, size_t size);

#endif
