/*
 * tokens: the bearer tokens that open the service, and whether a request has one of them. RFC 6750.
 * Pure but for tokens_load and tokens_take. Texts for people never hold a token.
 */
#ifndef TOKENS_H
#define TOKENS_H

#include <stdbool.h>
#include <stddef.h>

#define TOKENS_MOST 32
#define TOKEN_BYTES 256 /* the longest */

/* A token with zeroes after it and its length at the end, so that all are compared alike. */
struct token {
    unsigned char bytes[TOKEN_BYTES + 2];
};

/* Without pointers: sent from one process to another as it is. count 0: everybody is let in. */
struct tokens {
    unsigned count;
    struct token all[TOKENS_MOST];
};

enum tokens_form {
    TOKENS_LINES, /* one a line; blank lines and those that begin with # are none */
    TOKENS_COMMAS,
};

/* What may be called wrong: "--token-file", "CODE_RUNNER_TOKENS". 0; or -EINVAL, *ret_tokens
 * untouched and a line for a person in error, which begins with source. No token at all is an
 * error. */
int tokens_parse(const char *text, size_t size, enum tokens_form form, const char *source,
                 struct tokens *ret_tokens, char *error, size_t error_size);

/* From the file of that path, read whole (source: --token-file; a regular file of at most 64 KiB).
 * 0; -EINVAL as above. *ret_exposed: other users can read it. */
int tokens_load(const char *path, struct tokens *ret_tokens, bool *ret_exposed, char *error,
                size_t error_size);

/* What the operator gave: the file of that path ("": none) or the environment's CODE_RUNNER_TOKENS,
 * which is wiped and taken out of it; none is count 0. 0; -EINVAL as above, also if both are given,
 * or one is set but empty. */
int tokens_take(const char *path, struct tokens *ret_tokens, bool *ret_exposed, char *error,
                size_t error_size);

/* Whether an Authorization header's value (NULL: none) is "Bearer TOKEN" with one of the tokens, or
 * none is needed. Takes as long for a wrong token as for a right one, whichever it is. */
bool tokens_allow(const struct tokens *tokens, const char *authorization);

#endif
