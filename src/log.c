/* log: formats one line in a buffer on the stack and writes it at once. */
#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define LINE_BYTES 1024

static const char *const level_names[] = {
    [LOG_INFO] = "info",
    [LOG_WARNING] = "warning",
    [LOG_ERROR] = "error",
};

/* RFC 3339 in UTC with milliseconds; gmtime_r(3). */
static size_t put_time(char *line, size_t size) {
    struct timespec now;
    struct tm parts;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &parts);
    size_t used = strftime(line, size, "%Y-%m-%dT%H:%M:%S", &parts);
    return used + (size_t)snprintf(line + used, size - used, ".%03ldZ", now.tv_nsec / 1000000);
}

void log_line(enum log_level level, const char *format, ...) {
    char line[LINE_BYTES];
    size_t used = put_time(line, sizeof(line));
    used += (size_t)snprintf(line + used, sizeof(line) - used, " %s ", level_names[level]);

    /* One byte is kept for the line's end. */
    size_t room = sizeof(line) - used - 1;
    va_list arguments;
    va_start(arguments, format);
    int wanted = vsnprintf(line + used, room, format, arguments);
    va_end(arguments);
    if (wanted < 0)
        return;
    used += (size_t)wanted < room ? (size_t)wanted : room - 1;
    line[used++] = '\n';
    ssize_t written = write(STDOUT_FILENO, line, used);
    (void)written;
}
