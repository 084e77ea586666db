/*
 * mcp: one message of the Model Context Protocol, as POST /mcp brings it, -> what is to be done.
 * JSON-RPC 2.0; revision 2025-06-18, without sessions. One tool, run_python, whose
 * arguments are the fields of POST /execute. Pure but for memory.
 */
#ifndef MCP_H
#define MCP_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"
#include "request.h"

enum mcp_action {
    MCP_ANSWER, /* status and text are the answer */
    MCP_NOTED,  /* nothing is to be said: 202 */
    MCP_RUN,    /* request is to be run, for a response_new_mcp_take with id */
};

struct mcp_call {
    enum mcp_action action;
    int status;      /* of HTTP */
    struct buf text; /* JSON */
    struct request request;
    char *id; /* owned; JSON text */
};

struct mcp_settings {
    struct request_limits limits;
    size_t output_bytes;
};

/* Fills *ret_call (release with mcp_call_done) and returns 0; or -ENOMEM, *ret_call untouched. */
int mcp_parse(const char *body, size_t size, const struct mcp_settings *settings,
              struct mcp_call *ret_call);
void mcp_call_done(struct mcp_call *call);

/* Whether a client may speak this revision: the value of MCP-Protocol-Version (NULL: none). */
bool mcp_knows_version(const char *version);

#endif
