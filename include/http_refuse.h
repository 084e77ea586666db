/*
 * http_refuse: a request that will not be done: what is held of it is let go, and its answer is
 * kept until it has been read. Private to http*.c.
 */
#ifndef HTTP_REFUSE_H
#define HTTP_REFUSE_H

struct http_connection;

/* A 4xx; text is for a person, and copied. */
void http_refuse(struct http_connection *connection, int status, const char *text);

/* A 503. */
void http_refuse_overloaded(struct http_connection *connection, const char *text);

#endif
