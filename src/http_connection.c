/* http_connection: lists by phase, deadlines, hang-ups. Knows nothing of requests. */
#include "http_connection.h"

#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#define SECOND_US 1000000LL
#define ANSWER_LOOK_US (5 * SECOND_US)
#define ANSWER_LOOK_BYTES 5120u /* 1 KiB/s, less than the slowest of modems */
#define ANSWER_STALLS 12        /* looks that found less than that: a minute of them */
#define HANG_UP_US (SECOND_US / 10)
#define NEW_US SECOND_US /* libmicrohttpd reads in the round after that in which it lets in */

static void list_append(struct http_connection_list *list, struct http_connection *connection) {
    connection->next = NULL;
    connection->previous = list->last;
    *(list->last ? &list->last->next : &list->first) = connection;
    list->last = connection;
    list->count++;
}

static void list_unlink(struct http_connection_list *list, struct http_connection *connection) {
    *(connection->previous ? &connection->previous->next : &list->first) = connection->next;
    *(connection->next ? &connection->next->previous : &list->last) = connection->previous;
    list->count--;
}

/* Of one that was cut it is freed as soon as libmicrohttpd looks at it. */
static void release_held(struct http_connection *connection) {
    connection->all->held_bytes -= connection->held_bytes;
    connection->held_bytes = 0;
}

void http_connection_cut(struct http_connection *connection) {
    connection->gone = true;
    release_held(connection);
    loop_timer_stop(connection->all->loop, &connection->timer);
    shutdown(connection->fd, SHUT_RDWR);
}

static void cut_client(struct http_connection *connection) {
    connection->all->cut++;
    http_connection_cut(connection);
}

/* Of those that have stalled so often at least. */
static struct http_connection *oldest(const struct http_connection_list *list, unsigned stalls) {
    struct http_connection *connection = list->first;
    while (connection && (connection->gone || connection->stalls < stalls))
        connection = connection->next;
    return connection;
}

/* Of those that were looked at, and whose answer holds so much at least. */
static struct http_connection *slowest_reader(const struct http_connections *all,
                                              size_t held_bytes) {
    struct http_connection *found = NULL, *connection = all->phases[PHASE_ANSWER].first;
    for (; connection; connection = connection->next)
        if (connection->looks > 0 && !connection->gone && connection->held_bytes >= held_bytes &&
            (!found || connection->progress < found->progress))
            found = connection;
    return found;
}

/* Whose answer goes when all together hold too much: where nobody was looked at, the oldest's. */
static struct http_connection *slowest_holder(const struct http_connections *all) {
    struct http_connection *found = slowest_reader(all, 1);
    if (found)
        return found;
    found = all->phases[PHASE_ANSWER].first;
    while (found && found->held_bytes == 0)
        found = found->next;
    return found;
}

/* Of those whose request was coming in by then. */
static struct http_connection *oldest_request(const struct http_connections *all, int64_t by_us) {
    for (enum http_phase phase = PHASE_REQUEST; phase <= PHASE_BODY; phase++) {
        struct http_connection *connection = oldest(&all->phases[phase], 0);
        if (connection && connection->since_us <= by_us)
            return connection;
    }
    return NULL;
}

/* So that slow or silent clients cannot keep others out. */
static void make_room(struct http_connections *all, int64_t by_us) {
    struct http_connection *connection = oldest(&all->phases[PHASE_IDLE], 0);
    if (!connection)
        connection = oldest_request(all, by_us);
    if (!connection)
        connection = oldest(&all->phases[PHASE_ANSWER], 1);
    /* A request that has just come will have gone on, or be late, when the next answer is looked
     * at; of one that was cut the place is as good as free. Neither is worth an answer that is
     * read. */
    if (!connection && all->phases[PHASE_REQUEST].count + all->phases[PHASE_BODY].count == 0)
        connection = slowest_reader(all, 0);
    if (connection)
        cut_client(connection);
}

struct http_connection *http_connection_new(struct http *http, struct http_connections *all,
                                            struct MHD_Connection *mhd) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct http_connection *connection = info ? calloc(1, sizeof(*connection)) : NULL;
    if (!connection)
        return NULL;
    if (all->count >= all->crowded)
        make_room(all, loop_now_us());
    connection->http = http;
    connection->all = all;
    connection->mhd = mhd;
    connection->fd = info->connect_fd;
    connection->phase = PHASE_COUNT;
    all->count++;
    http_connection_enter(connection, PHASE_REQUEST);
    return connection;
}

void http_connection_free(struct http_connection *connection) {
    struct http_connections *all = connection->all;
    release_held(connection);
    loop_timer_stop(all->loop, &connection->timer);
    loop_file_remove(all->loop, &connection->watch);
    list_unlink(&all->phases[connection->phase], connection);
    all->count--;
    free(connection);
}

static void expired(void *context) {
    struct http_connection *connection = context;
    /* A connection that rests is closed as announced, and one whose client is leaving too. */
    if (connection->phase == PHASE_IDLE || connection->half_closed)
        http_connection_cut(connection);
    else
        cut_client(connection);
}

/* The client sends no more while its request is not whole. libmicrohttpd takes a short read for all
 * that there is, and so misses an end that came with the last bytes; what is left to read it gets a
 * moment for. */
static void on_hang_up(void *context, uint32_t events) {
    struct http_connection *connection = context;
    char byte;
    (void)events;
    connection->half_closed = true;
    if (recv(connection->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
        http_connection_cut(connection);
    else
        loop_timer_start(connection->all->loop, &connection->timer, HANG_UP_US, expired,
                         connection);
}

static bool is_reading(enum http_phase phase) {
    return phase == PHASE_REQUEST || phase == PHASE_BODY || phase == PHASE_IDLE;
}

/* Each phase watches the socket for another reason, or not at all. */
static void change_watch(struct http_connection *connection, enum http_phase phase) {
    struct loop *loop = connection->all->loop;
    if (is_reading(connection->phase) == is_reading(phase))
        return;
    loop_file_remove(loop, &connection->watch);
    /* Should it fail, the deadline is still there. */
    if (is_reading(phase))
        loop_file_add(loop, &connection->watch, connection->fd, EPOLLRDHUP | EPOLLET, on_hang_up,
                      connection);
}

static void look_at_answer(void *context);

static void look_later(struct http_connection *connection) {
    loop_timer_start(connection->all->loop, &connection->timer, ANSWER_LOOK_US, look_at_answer,
                     connection);
}

/* What the client's side has acknowledged; tcp(7). gVisor does not say: then what was written and
 * is no longer in the kernel stands for it, which misses files of the page. */
static uint64_t acknowledged(const struct http_connection *connection) {
    struct tcp_info info = {0};
    socklen_t size = sizeof(info);
    int left = 0;
    if (getsockopt(connection->fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 &&
        info.tcpi_bytes_acked > 0)
        return info.tcpi_bytes_acked;
    ioctl(connection->fd, SIOCOUTQ, &left);
    return connection->written > (uint64_t)left ? connection->written - (uint64_t)left : 0;
}

static void look_at_answer(void *context) {
    struct http_connection *connection = context;
    struct http_connections *all = connection->all;
    uint64_t now = acknowledged(connection);
    connection->progress =
        now > connection->last_acknowledged ? now - connection->last_acknowledged : 0;
    connection->last_acknowledged = now;
    connection->looks++;
    if (connection->progress >= ANSWER_LOOK_BYTES)
        connection->stalls -= connection->stalls > 0;
    else if (++connection->stalls == ANSWER_STALLS) {
        cut_client(connection);
        return;
    }
    look_later(connection);
    /* At the limit nobody is let in who could ask for room. Who has just come must not go for it:
     * there are others, this one for instance. */
    if (all->count >= all->most)
        make_room(all, loop_now_us() - NEW_US);
}

void http_connection_enter(struct http_connection *connection, enum http_phase phase) {
    struct http_connections *all = connection->all;
    if (connection->phase < PHASE_COUNT)
        list_unlink(&all->phases[connection->phase], connection);
    if (connection->phase == PHASE_ANSWER)
        release_held(connection);
    if (connection->phase == PHASE_RUN)
        loop_file_remove(all->loop, &connection->watch);
    change_watch(connection, phase);
    connection->phase = phase;
    connection->since_us = loop_now_us();
    list_append(&all->phases[phase], connection);
    if (connection->gone)
        return;
    int64_t longest_us = all->longest_us[phase];
    if (connection->half_closed && is_reading(phase))
        longest_us = HANG_UP_US;
    loop_timer_stop(all->loop, &connection->timer);
    if (longest_us > 0)
        loop_timer_start(all->loop, &connection->timer, longest_us, expired, connection);
    connection->stalls = 0;
    if (phase == PHASE_ANSWER) {
        connection->written = connection->progress = 0;
        connection->looks = 0;
        connection->last_acknowledged = acknowledged(connection);
        look_later(connection);
    }
}

void http_connection_hold(struct http_connection *connection, size_t bytes) {
    struct http_connections *all = connection->all;
    connection->held_bytes = bytes;
    all->held_bytes += bytes;
    /* This one is the youngest, so that it comes last. */
    while (bytes > 0 && all->held_bytes > all->held_most) {
        struct http_connection *slowest = slowest_holder(all);
        if (!slowest || slowest == connection)
            return;
        cut_client(slowest);
    }
}

int http_connection_watch(struct http_connection *connection, loop_file_fn *fn) {
    return loop_file_add(connection->all->loop, &connection->watch, connection->fd, EPOLLRDHUP, fn,
                         connection);
}
