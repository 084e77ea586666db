/*
 * mcp_body: an outcome as the JSON-RPC answer to MCP's tools/call, as segments. Pure.
 *
 * What a model reads comes in `content`: the result's JSON, or outcome, error and traceback; then
 * stdout and stderr, each if there is some; then the names of files; then the figures. What a
 * program reads comes in `structuredContent`: the object of the plain answer, without the figures,
 * if the script returned.
 */
#ifndef MCP_BODY_H
#define MCP_BODY_H

#include "outcome.h"
#include "segments.h"

/* How many segments it takes at the most. */
unsigned mcp_body_segments(const struct outcome *outcome);

/* id: JSON text, borrowed until all is read. */
void mcp_body_add(struct segments *segments, const struct outcome *outcome, const char *id);

#endif
