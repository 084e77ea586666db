/* http_cors: see the Fetch standard, "CORS protocol". */
#include "http_cors.h"

#include <string.h>

#include "config.h"
#include "cors.h"
#include "http_state.h"

static const char *header(struct http_connection *connection, const char *name) {
    return MHD_lookup_connection_value(connection->mhd, MHD_HEADER_KIND, name);
}

static const char *allowed_origin(struct http_connection *connection) {
    return cors_allow(connection->http->config->cors_origin, header(connection, "Origin"));
}

bool http_cors_is_preflight(struct http_connection *connection, const char *method) {
    return strcmp(method, "OPTIONS") == 0 && header(connection, "Access-Control-Request-Method") &&
           allowed_origin(connection);
}

void http_cors_add(struct http_connection *connection, struct MHD_Response *answer,
                   bool preflight) {
    const char *list = connection->http->config->cors_origin, *origin = allowed_origin(connection);
    /* A cache must not give one origin's answer to another. */
    if (*list && strcmp(list, "*") != 0)
        MHD_add_response_header(answer, "Vary", "Origin");
    if (!origin)
        return;
    MHD_add_response_header(answer, "Access-Control-Allow-Origin", origin);
    if (preflight) {
        MHD_add_response_header(answer, "Access-Control-Allow-Methods", "GET, HEAD, POST");
        MHD_add_response_header(answer, "Access-Control-Allow-Headers",
                                "Authorization, Content-Type, X-Request-Id, MCP-Protocol-Version");
        MHD_add_response_header(answer, "Access-Control-Max-Age", "600");
    } else {
        MHD_add_response_header(answer, "Access-Control-Expose-Headers",
                                "Server-Timing, X-Request-Id, Retry-After");
    }
}
