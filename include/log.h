/*
 * log: one line an event on standard output, in the form that log_init was told (see log_format.h).
 * Never a script, what one printed or returned, or a token.
 *
 * A line goes out in a single write(2), so that lines of several processes do not mix. No memory is
 * allocated, and nothing blocks: where standard output takes no more (nobody reads the pipe, the
 * disk is full), the line is dropped and counted, and the count is a line of its own once there is
 * room again.
 */
#ifndef LOG_H
#define LOG_H

#include "log_format.h"

/* To be called before the first line, once a process; without it lines are text and go to standard
 * output as it is. A pipe is made as long as it may be, and opened anew where that is possible, so
 * that not even a race with another writer can block. */
void log_init(enum log_format format);

void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));
void log_request(const struct log_request *request);

/* Lines that this process had to drop, in all. */
uint64_t log_dropped_count(void);

#endif
