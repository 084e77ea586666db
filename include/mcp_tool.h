/*
 * mcp_tool: what the tool run_python says of itself: its description with the limits that hold, the
 * schemas of its arguments and of its result.
 */
#ifndef MCP_TOOL_H
#define MCP_TOOL_H

#include "buf.h"

struct mcp_settings;

#define MCP_TOOL_NAME "run_python"

/* Appends the tool's JSON object. 0 or -errno of the buffer. */
int mcp_tool_write(struct buf *buf, const struct mcp_settings *settings);

#endif
