/*
 * http_framing: is it clear where a request ends? Where two readers may disagree, one of them can
 * be made to take part of a body for the next request (request smuggling). RFC 9112, 6.3 and 11.2.
 * Private to http*.c.
 */
#ifndef HTTP_FRAMING_H
#define HTTP_FRAMING_H

#include <microhttpd.h>

/* What is wrong with the framing of the request whose head is there, static storage; NULL: nothing.
 * After a fault nothing more may be read from the connection. version: "HTTP/1.1". Host and spaces
 * are looked at here (RFC 9112, 3.2 and 5.1), since libmicrohttpd 0.9.75 spoils its own answer. */
const char *http_framing_fault(struct MHD_Connection *connection, const char *version);

#endif
