/*
 * http_linger: lets a client that still writes read its answer. Closing a socket with unread bytes
 * makes the kernel send a reset, upon which the client loses what it has not read yet: so what it
 * writes is thrown away for a while first. Private to http*.c.
 */
#ifndef HTTP_LINGER_H
#define HTTP_LINGER_H

#include "loop.h"

struct http_linger;

struct http_lingers {
    struct loop *loop;
    struct http_linger *first;
    unsigned count;
};

/* To be called when nothing more is written to fd, which stays the caller's: a duplicate is drained
 * and closed some seconds or megabytes later. If too many linger, nothing happens. */
void http_linger_start(struct http_lingers *lingers, int fd);

void http_lingers_done(struct http_lingers *lingers);

#endif
