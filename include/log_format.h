/*
 * log_format: an event -> its line, in text or in JSON. Pure: no clock, no I/O, no allocation.
 * Every text that may come from a client is escaped and bounded, so that no line is longer than
 * LOG_LINE_BYTES, breaks into two, or is read as anything else.
 */
#ifndef LOG_FORMAT_H
#define LOG_FORMAT_H

#include <stddef.h>
#include <stdint.h>
#include <time.h>

enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };
enum log_level { LOG_INFO, LOG_WARNING, LOG_ERROR };

/* As much as a pipe takes in one piece: PIPE_BUF, pipe(7). */
#define LOG_LINE_BYTES 4096

/* A finished request. Texts end with NUL; NULL: there is none. */
struct log_request {
    const char *method, *path, *agent; /* as the client sent them: any bytes */
    const char *client;                /* its address, numeric */
    const char *id;                    /* of the request */
    const char *trace, *span;          /* in hexadecimal */
    const char *project;               /* that the trace belongs to, for Cloud Logging */
    const char *outcome;
    int status;
    int known_status; /* what it would be, were it not sent before the end was known; 0: as it is */
    uint64_t request_bytes, response_bytes; /* of the bodies */
    int64_t total_us;
    int64_t queue_us, run_us;   /* negative: nothing was run */
    uint64_t peak_memory_bytes; /* 0: not known */
};

/* How serious a request with this status is to the one who runs the service. */
enum log_level log_request_level(int status);

/* Each returns the size of the line with its newline, without NUL. */
size_t log_format_message(char ret_line[LOG_LINE_BYTES], enum log_format format,
                          const struct timespec *now, enum log_level level, const char *message);
size_t log_format_request(char ret_line[LOG_LINE_BYTES], enum log_format format,
                          const struct timespec *now, const struct log_request *request);

#endif
