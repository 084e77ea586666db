/* http_routes: one table, and the checks that need nothing but the head of a request. */
#include "http_routes.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "page_files.h"

static const struct http_route routes[] = {
    {"/execute", TARGET_EXECUTE, "POST"},  {"/health", TARGET_HEALTH, "GET, HEAD"},
    {"/ready", TARGET_READY, "GET, HEAD"}, {"/metrics", TARGET_METRICS, "GET, HEAD"},
    {"/mcp", TARGET_MCP, "POST"},          {"/openapi.json", TARGET_OPENAPI, "GET, HEAD"},
};
static const struct http_route page = {"", TARGET_PAGE, "GET, HEAD"}; /* each of its files */
#define ROUTE_COUNT (sizeof(routes) / sizeof(routes[0]))

static const struct http_route *find_path(const char *path) {
    for (size_t i = 0; i < ROUTE_COUNT; i++)
        if (strcmp(path, routes[i].path) == 0)
            return &routes[i];
    return page_file_find(path) ? &page : NULL;
}

enum http_target http_route_target(const char *path) {
    const struct http_route *route = find_path(path);
    return route ? route->target : TARGET_OTHER;
}

const struct http_route http_route_preflight = {"*", TARGET_PREFLIGHT, "OPTIONS"};

bool http_route_is_open(const char *path) {
    enum http_target target = http_route_target(path);
    return target == TARGET_HEALTH || target == TARGET_READY || target == TARGET_PAGE;
}

bool http_is_json(const char *content_type) {
    static const char json[] = "application/json";
    const size_t size = sizeof(json) - 1;
    if (!content_type || strncasecmp(content_type, json, size) != 0)
        return false;
    const char *rest = content_type + size;
    rest += strspn(rest, " \t");
    return *rest == '\0' || *rest == ';';
}

/* Is method a word of the list "GET, HEAD"? Methods are case-sensitive: RFC 9110, 9.1. */
static bool is_allowed(const char *allow, const char *method) {
    size_t size = strlen(method);
    for (const char *word = allow; word; word = strchr(word, ' ')) {
        word += *word == ' ';
        if (strcspn(word, ",") == size && strncmp(word, method, size) == 0)
            return true;
    }
    return false;
}

const struct http_route *http_route_find(const char *path, const char *method,
                                         const char *content_type, const char *encoding,
                                         struct http_refusal *ret_refusal) {
    const struct http_route *route = find_path(path);
    if (!route) {
        *ret_refusal = (struct http_refusal){404, "Not found", NULL};
        return NULL;
    }
    if (!is_allowed(route->allow, method)) {
        *ret_refusal = (struct http_refusal){405, "Method not allowed", route->allow};
        return NULL;
    }
    if ((route->target == TARGET_EXECUTE || route->target == TARGET_MCP) &&
        !http_is_json(content_type)) {
        *ret_refusal = (struct http_refusal){415, "Content-Type must be application/json", NULL};
        return NULL;
    }
    if (encoding && strcasecmp(encoding, "identity") != 0) {
        *ret_refusal = (struct http_refusal){
            415, "Content-Encoding is not supported: send the body as it is", NULL};
        return NULL;
    }
    return route;
}
