/* log: formats one line in a buffer on the stack and writes it at once, or drops it. */
#include "log.h"

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define MESSAGE_BYTES 2048
#define PIPE_BYTES (1 << 20) /* what anybody may ask for: /proc/sys/fs/pipe-max-size, pipe(7) */

static struct {
    enum log_format format;
    int fd;
    bool is_socket;
    bool torn; /* the last line did not go out whole: the next one begins with a newline */
    uint64_t dropped, told; /* in all; of which a line was said */
} output = {.fd = STDOUT_FILENO};

void log_init(enum log_format format) {
    struct stat status;
    output.format = format;
    if (fstat(STDOUT_FILENO, &status) < 0)
        return;
    output.is_socket = S_ISSOCK(status.st_mode);
    if (S_ISFIFO(status.st_mode))
        fcntl(STDOUT_FILENO, F_SETPIPE_SZ, PIPE_BYTES);
    /* O_NONBLOCK on the descriptor itself would be in force for whoever shares it. A file must not
     * be opened anew: its offset would be another one. */
    if (S_ISFIFO(status.st_mode) || S_ISCHR(status.st_mode)) {
        int fd = open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (fd >= 0)
            output.fd = fd;
    }
}

/* Whether a write does not block and raises no SIGPIPE: a pipe without a reader has POLLERR. A
 * socket needs no such question, and says that it is full when it is not. poll(2), send(2). */
static bool takes_a_line(void) {
    struct pollfd wait = {.fd = output.fd, .events = POLLOUT};
    return output.is_socket || (poll(&wait, 1, 0) == 1 && wait.revents == POLLOUT);
}

/* line has a newline before its first byte. */
static bool write_line(const char *line, size_t size) {
    if (!takes_a_line())
        return false;
    if (output.torn) {
        line--;
        size++;
    }
    ssize_t written = output.is_socket ? send(output.fd, line, size, MSG_DONTWAIT | MSG_NOSIGNAL)
                                       : write(output.fd, line, size);
    if (written > 0)
        output.torn = (size_t)written < size;
    return written == (ssize_t)size;
}

/* Before the first line after some that were dropped. */
static bool tell_dropped(const struct timespec *now) {
    char line[1 + LOG_LINE_BYTES], message[96];
    line[0] = '\n';
    snprintf(message, sizeof(message),
             "%" PRIu64 " log lines were dropped: standard output took no more",
             output.dropped - output.told);
    size_t size = log_format_message(line + 1, output.format, now, LOG_WARNING, message);
    if (!write_line(line + 1, size))
        return false;
    output.told = output.dropped;
    return true;
}

static void put(const struct timespec *now, const char *line, size_t size) {
    if ((output.dropped > output.told && !tell_dropped(now)) || !write_line(line, size))
        output.dropped++;
}

void log_line(enum log_level level, const char *format, ...) {
    char line[1 + LOG_LINE_BYTES], message[MESSAGE_BYTES];
    struct timespec now;
    line[0] = '\n';
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(message, sizeof(message), format, arguments);
    va_end(arguments);
    if (length < 0)
        return;
    clock_gettime(CLOCK_REALTIME, &now);
    put(&now, line + 1, log_format_message(line + 1, output.format, &now, level, message));
}

void log_request(const struct log_request *request) {
    char line[1 + LOG_LINE_BYTES];
    struct timespec now;
    line[0] = '\n';
    clock_gettime(CLOCK_REALTIME, &now);
    put(&now, line + 1, log_format_request(line + 1, output.format, &now, request));
}

uint64_t log_dropped_count(void) {
    return output.dropped;
}
