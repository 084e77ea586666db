/*
 * http_mcp: POST /mcp, the Streamable HTTP transport of the Model Context Protocol without sessions
 * and streams: each message has one answer in JSON. Private to http*.c.
 */
#ifndef HTTP_MCP_H
#define HTTP_MCP_H

#include <microhttpd.h>

struct http_connection;

/* Whether the head is acceptable: 0, or the status with *ret_text why not (static storage). A web
 * page may not use a service that its browser reaches and it does not, unless it was named. */
int http_mcp_check_head(struct http_connection *connection, const char **ret_text);

/* The message is there. */
enum MHD_Result http_mcp_answer(struct http_connection *connection);

#endif
