/*
 * http_routes: which paths there are, what each takes, and whether the head of a request is
 * acceptable. Private to http*.c. Pure.
 */
#ifndef HTTP_ROUTES_H
#define HTTP_ROUTES_H

#include <stdbool.h>

enum http_target {
    TARGET_EXECUTE,
    TARGET_HEALTH,
    TARGET_READY,
    TARGET_METRICS,
    TARGET_MCP,
    TARGET_OPENAPI,
    TARGET_PAGE,
    TARGET_PREFLIGHT,
    TARGET_OTHER /* no such path */
};

struct http_route {
    const char *path;
    enum http_target target;
    const char *allow; /* the methods, as the Allow header says them */
};

struct http_refusal {
    int status;
    const char *text;  /* static storage */
    const char *allow; /* NULL: no Allow header */
};

/* The route of a request; or NULL, with the reason in *ret_refusal. content_type and encoding, the
 * headers Content-Type and Content-Encoding, may be NULL. */
const struct http_route *http_route_find(const char *path, const char *method,
                                         const char *content_type, const char *encoding,
                                         struct http_refusal *ret_refusal);

/* Of a browser's question before a request of another origin (see http_cors.h), whatever its path.
 */
extern const struct http_route http_route_preflight;

/* Whether the path needs no token: what a load balancer asks, and the page, which holds no secret.
 */
bool http_route_is_open(const char *path);

/* What a path is about, whether or not the request for it is accepted. */
enum http_target http_route_target(const char *path);

/* application/json, with or without parameters. */
bool http_is_json(const char *content_type);

#endif
