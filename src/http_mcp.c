/* http_mcp: thin; what a message means is mcp's, how a run is answered http_run's. */
#include "http_mcp.h"

#include "config.h"
#include "cors.h"
#include "http_answer.h"
#include "http_refuse.h"
#include "http_run.h"
#include "http_state.h"
#include "mcp.h"

static const char *header(struct http_connection *connection, const char *name) {
    return MHD_lookup_connection_value(connection->mhd, MHD_HEADER_KIND, name);
}

int http_mcp_check_head(struct http_connection *connection, const char **ret_text) {
    const char *origin = header(connection, "Origin");
    if (origin && !cors_allow(connection->http->config->cors_origin, origin) &&
        !cors_is_same_address(origin, header(connection, "Host"))) {
        *ret_text = "This Origin is not one of --cors-origin";
        return 403;
    }
    if (!mcp_knows_version(header(connection, "MCP-Protocol-Version"))) {
        *ret_text = "MCP-Protocol-Version must be 2025-06-18";
        return 400;
    }
    return 0;
}

enum MHD_Result http_mcp_answer(struct http_connection *connection) {
    struct http *http = connection->http;
    struct mcp_settings settings = {.limits = http_run_limits(http->config),
                                    .output_bytes = (size_t)http->config->output_mb << 20};
    struct http_answer_options options = {.close = http->draining};
    struct mcp_call call;
    enum MHD_Result result;
    int r = mcp_parse(connection->body.data, connection->body.size, &settings, &call);
    http->bodies_bytes -= connection->body.size;
    buf_done(&connection->body);
    if (r < 0) {
        http_refuse_overloaded(connection, "The service is out of memory");
        return http_answer_kept(connection);
    }
    if (call.action == MCP_RUN) {
        connection->rpc_id = call.id;
        call.id = NULL;
        result = http_run_submit(connection, &call.request);
    } else if (call.action == MCP_NOTED) {
        result = http_answer_empty(connection, MHD_HTTP_ACCEPTED, &options);
    } else {
        result = http_answer_text(connection, (unsigned)call.status, call.text.data, &options);
    }
    mcp_call_done(&call);
    return result;
}
