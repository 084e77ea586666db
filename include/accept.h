/*
 * accept: what an Accept header asks for. RFC 9110, 12.5.1. Pure.
 */
#ifndef ACCEPT_H
#define ACCEPT_H

#include <stdbool.h>

/* The largest weights, in thousandths, that were read; zero-filled: none. */
struct accept {
    int events, json;
};

/* Adds the value of a header. Several are one list: RFC 9110, 5.3. */
void accept_read(struct accept *accept, const char *value);

/* Whether text/event-stream itself is named, with a weight above zero and no smaller than that of
 * application/json. */
bool accept_wants_events(const struct accept *accept);

#endif
