/*
 * cors: which web pages may read the answers. The list of --cors-origin, and what an Origin header
 * means under it. Fetch standard, "CORS protocol"; RFC 6454, 7. Pure.
 */
#ifndef CORS_H
#define CORS_H

#include <stdbool.h>
#include <stddef.h>

/* Whether list is "*" or origins (scheme://host, scheme://host:port) with commas between. 0; or
 * -EINVAL and in error the words that say what is wrong. */
int cors_check(const char *list, char *error, size_t error_size);

/* The value of Access-Control-Allow-Origin for a request with this Origin (NULL: none), "*" or
 * origin itself; NULL: no such header. An empty list allows none. */
const char *cors_allow(const char *list, const char *origin);

/* Whether a page of this origin came from host (the Host header's value; NULL: none), and host is
 * an IP address or localhost. A name would not tell: the page's owner may have had it lead here
 * ("DNS rebinding"). */
bool cors_is_same_address(const char *origin, const char *host);

#endif
