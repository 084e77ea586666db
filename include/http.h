/*
 * http: the service's face: connections, routes, headers. With its parts http_connection,
 * http_answer and http_linger the only place that knows libmicrohttpd, which runs in the loop by
 * way of its epoll descriptor, without threads.
 */
#ifndef HTTP_H
#define HTTP_H

#include <stdbool.h>

#include "loop.h"

struct config;
struct http;
struct queue;
struct tokens;

typedef void http_idle_fn(void *context);

/* A bound and listening socket for config's address and port, non-blocking; the caller's. -errno
 * otherwise (with text in error for a person). "::" takes IPv4 as well. */
int http_listen(const struct config *config, char *error, unsigned error_size);

/* Serves on listener, which it owns from now on, also on error. config and tokens (whom to let in;
 * may change) must outlive it. 0 or -errno. */
int http_new(struct loop *loop, struct queue *queue, const struct config *config,
             const struct tokens *tokens, int listener, struct http **ret_http);
/* Cuts every connection, cancels what runs for them. */
void http_free(struct http *http);

/* From now on /health says draining and connections are not kept. idle_fn is called whenever no
 * body of a request comes in and no answer is owed or being written any more; ask http_is_idle for
 * the present state. */
void http_drain(struct http *http, http_idle_fn *idle_fn, void *context);
/* Bodies count no more. May call idle_fn. */
void http_drain_no_longer(struct http *http);
bool http_is_idle(const struct http *http);

#endif
