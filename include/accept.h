/*
 * accept: what an Accept header asks for. RFC 9110, 12.5.1. Pure.
 */
#ifndef ACCEPT_H
#define ACCEPT_H

#include <stdbool.h>

/* Whether a header's value (NULL: none) names text/event-stream itself, with a weight above zero
 * and no smaller than that of application/json. */
bool accept_wants_events(const char *accept);

#endif
