/*
 * http_answer: struct response or a fixed text -> libmicrohttpd's response with its headers, given
 * to the connection. Private to http*.c.
 */
#ifndef HTTP_ANSWER_H
#define HTTP_ANSWER_H

#include "http_connection.h"

/* What an answer has beside its status and body. */
struct http_answer_options {
    const char *type;   /* of the body; NULL: JSON */
    const char *allow;  /* of a 405; NULL: no such header */
    const char *policy; /* Content-Security-Policy; NULL: nothing may be loaded for it */
    const char *etag;   /* browsers may keep it, and ask whether it is still so; NULL: must not */
    bool challenge;     /* of a 401: which scheme is wanted */
    bool close;         /* the connection is not kept */
};

/* Each enters PHASE_ANSWER and gives libmicrohttpd an answer; MHD_NO closes the connection. */

/* Takes response. */
enum MHD_Result http_answer_take(struct http_connection *connection, struct response *response,
                                 const struct http_answer_options *options);

/* What connection->response holds; without one (out of memory) the connection is closed. */
enum MHD_Result http_answer_kept(struct http_connection *connection);

/* The same, a short one, while the body of its request still comes in: see http_write. Enters no
 * phase, and always closes the connection; what the client still writes is thrown away. */
enum MHD_Result http_answer_in_upload(struct http_connection *connection);

/* No body. 204: to a browser's question before a request of another origin. */
enum MHD_Result http_answer_empty(struct http_connection *connection, unsigned status,
                                  const struct http_answer_options *options);

/* bytes are used until the service ends. A 304 tells the size only, as it must: RFC 9110, 15.4.5.
 */
enum MHD_Result http_answer_static(struct http_connection *connection, unsigned status,
                                   const char *bytes, size_t size,
                                   const struct http_answer_options *options);

/* text is copied. */
enum MHD_Result http_answer_text(struct http_connection *connection, unsigned status,
                                 const char *text, const struct http_answer_options *options);

/* A body of unknown size, in pieces as read (MHD_ContentReaderCallback) has them. Enters no phase.
 */
enum MHD_Result http_answer_events(struct http_connection *connection,
                                   MHD_ContentReaderCallback read, void *context,
                                   const struct http_answer_options *options);

#endif
