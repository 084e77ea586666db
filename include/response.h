/*
 * response: outcome -> the body of the answer, encoded while it is read, so that a 10 MB stdout
 * costs no second copy. Pure but for memory: no I/O, no HTTP library. Invalid UTF-8 becomes U+FFFD,
 * NUL becomes \u0000, the result passes as it is.
 */
#ifndef RESPONSE_H
#define RESPONSE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "outcome.h"

struct response;

/* Takes what the outcome owns (it is left empty, still to be given to outcome_done). 0 or -ENOMEM
 * (outcome untouched). */
int response_new_take(struct outcome *outcome, struct response **ret_response);

/* The same as the result of an MCP tool, or as a JSON-RPC error if there was no run: see
 * mcp_body.h. id: JSON text, copied. */
int response_new_mcp_take(struct outcome *outcome, const char *id, struct response **ret_response);

/* An error that is not a run's: {"error": text, "outcome": word}. text is copied; word must be
 * static storage and need no escapes. 0 or -ENOMEM. */
int response_new_error(int status, const char *word, const char *text,
                       struct response **ret_response);

void response_free(struct response *response); /* NULL is fine */

int response_status(const struct response *response);    /* HTTP status */
uint64_t response_size(const struct response *response); /* exact size of the encoded body, bytes */
unsigned response_retry_after_s(const struct response *response); /* 0: no such header */
int64_t response_queue_us(const struct response *response);       /* -1: not the answer of a run */
int64_t response_run_us(const struct response *response);
uint64_t response_peak_memory_bytes(const struct response *response); /* 0: not known */
const char *response_word(const struct response *response); /* its `outcome`; static storage */
const struct stage_trace *
response_trace(const struct response *response);             /* all zero: not traced */
size_t response_held_bytes(const struct response *response); /* memory that it holds */

/* Copies the next bytes of the body, at most size, and moves on; 0 at the end. Sequential: no
 * seeking back. */
size_t response_read(struct response *response, char *bytes, size_t size);

#endif
