/*
 * request_error: what is wrong with a request, for its sender.
 */
#ifndef REQUEST_ERROR_H
#define REQUEST_ERROR_H

/* The client's fault: always a 4xx, outcome `invalid_request`. */
struct request_error {
    int status;     /* HTTP status, 400 .. 499 */
    char text[256]; /* UTF-8, for a person; names the field and the limit */
};

/* A 400 with this text (cut at a character). Returns -EINVAL. */
int request_error_set(struct request_error *ret_error, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
