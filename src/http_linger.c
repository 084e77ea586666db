/* http_linger: bounded in time, in bytes and in number. */
#include "http_linger.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINGER_US (5 * 1000000LL)
#define LINGER_BYTES ((size_t)64 << 20)
#define LINGERS_MAX 64
#define PART_BYTES ((size_t)256 << 10)

struct http_linger {
    struct http_lingers *lingers;
    struct loop_file file;
    struct loop_timer timer;
    size_t left; /* bytes that may still come */
    struct http_linger *next, *previous;
};

static void end(void *context) {
    struct http_linger *linger = context;
    struct http_lingers *lingers = linger->lingers;
    *(linger->previous ? &linger->previous->next : &lingers->first) = linger->next;
    if (linger->next)
        linger->next->previous = linger->previous;
    lingers->count--;
    loop_timer_stop(lingers->loop, &linger->timer);
    /* Not by loop_file_close: until now this is one of two descriptors. */
    loop_file_remove(lingers->loop, &linger->file);
    close(linger->file.fd);
    free(linger);
}

/* MSG_TRUNC on a TCP socket throws the bytes away without a copy; tcp(7). */
static void drain(void *context, uint32_t events) {
    struct http_linger *linger = context;
    (void)events;
    ssize_t size = recv(linger->file.fd, NULL, PART_BYTES, MSG_TRUNC | MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (size <= 0 || (size_t)size >= linger->left)
        end(linger);
    else
        linger->left -= (size_t)size;
}

void http_linger_start(struct http_lingers *lingers, int fd) {
    if (lingers->count >= LINGERS_MAX)
        return;
    struct http_linger *linger = calloc(1, sizeof(*linger));
    int copy = linger ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
    if (copy < 0 || loop_file_add(lingers->loop, &linger->file, copy, EPOLLIN, drain, linger) < 0) {
        if (copy >= 0)
            close(copy);
        free(linger);
        return;
    }
    linger->lingers = lingers;
    linger->left = LINGER_BYTES;
    linger->next = lingers->first;
    if (linger->next)
        linger->next->previous = linger;
    lingers->first = linger;
    lingers->count++;
    loop_timer_start(lingers->loop, &linger->timer, LINGER_US, end, linger);
}

void http_lingers_done(struct http_lingers *lingers) {
    while (lingers->first)
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the first of a list has none before it */
        end(lingers->first);
}
