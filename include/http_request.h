/*
 * http_request: one request's way from its head to the queue and back: the handler is called with
 * the head (STEP_HEADERS), with each part of the body and at its end (STEP_BODY), and once more
 * when the answer of a run is there (STEP_ANSWER). Private to http*.c.
 */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include <microhttpd.h>
#include <stdbool.h>

struct config;
struct http_connection;

/* The limit of one request's body, bytes: files in base64, standard input and arguments with their
 * escapes, and the script. */
size_t http_request_body_bytes(const struct config *config);

/* libmicrohttpd's handler (MHD_AccessHandlerCallback); *request_context is the connection. */
enum MHD_Result http_request_handle(void *context, struct MHD_Connection *mhd, const char *path,
                                    const char *method, const char *version, const char *bytes,
                                    size_t *size, void **request_context);

/* It is over: told to the log and the metrics, and all that belongs to it released; ready for the
 * next one. whole: its answer went out to the end. */
void http_request_end(struct http_connection *connection, bool whole);

#endif
