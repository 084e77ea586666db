/*
 * log: one line an event on standard output, `TIMESTAMP LEVEL message`. Never anything that a
 * client sent or a script printed.
 *
 * A line is bounded (what is longer is cut) and goes out in a single write(2), so that lines of
 * several processes do not mix. No memory is allocated; a failed write is ignored. Blocks only as
 * long as standard output does.
 */
#ifndef LOG_H
#define LOG_H

enum log_level { LOG_INFO, LOG_WARNING, LOG_ERROR };

void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
