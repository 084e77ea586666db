/* zygote_link: one message a command; what would block waits in a ring for EPOLLOUT. */
#include "zygote_link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

int zygote_link_init(struct zygote_link *link, struct loop *loop, size_t capacity,
                     const struct zygote_link_calls *calls, void *context) {
    struct zygote_pending *pending = calloc(capacity, sizeof(*pending));
    if (!pending)
        return -ENOMEM;
    *link = (struct zygote_link){
        .loop = loop, .calls = calls, .context = context, .pending = pending, .capacity = capacity};
    return 0;
}

static void close_descriptors(const int *descriptors) {
    for (size_t i = 0; descriptors && i < SPAWN_DESCRIPTORS; i++)
        close(descriptors[i]);
}

static const int *pending_descriptors(const struct zygote_pending *pending) {
    return pending->command.type == ZYGOTE_SPAWN ? pending->descriptors : NULL;
}

static struct zygote_pending *pending_drop_first(struct zygote_link *link) {
    struct zygote_pending *pending = &link->pending[link->first];
    link->first = (link->first + 1) % link->capacity;
    link->count--;
    return pending;
}

void zygote_link_close(struct zygote_link *link) {
    loop_file_close(link->loop, &link->file);
    while (link->count > 0)
        close_descriptors(pending_descriptors(pending_drop_first(link)));
}

void zygote_link_done(struct zygote_link *link) {
    zygote_link_close(link);
    free(link->pending);
    link->pending = NULL;
}

static void lose(struct zygote_link *link) {
    zygote_link_close(link);
    link->calls->on_lost(link->context);
}

static int send_now(int channel, const struct zygote_command *command, const int *descriptors) {
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(SPAWN_DESCRIPTORS * sizeof(int))];
    } control;
    struct iovec part = {.iov_base = (void *)command, .iov_len = sizeof(*command)};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (descriptors) {
        memset(&control, 0, sizeof(control));
        message.msg_control = control.bytes;
        message.msg_controllen = sizeof(control.bytes);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(SPAWN_DESCRIPTORS * sizeof(int));
        memcpy(CMSG_DATA(header), descriptors, SPAWN_DESCRIPTORS * sizeof(int));
    }
    return sendmsg(channel, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static void send_pending(struct zygote_link *link) {
    while (link->count > 0) {
        struct zygote_pending *pending = &link->pending[link->first];
        const int *descriptors = pending_descriptors(pending);
        int r = send_now(link->file.fd, &pending->command, descriptors);
        if (r == -EAGAIN)
            return;
        if (r < 0) {
            /* A slot's story would have a hole: better to begin anew with another zygote. */
            lose(link);
            return;
        }
        close_descriptors(descriptors);
        pending_drop_first(link);
    }
    loop_file_modify(link->loop, &link->file, EPOLLIN);
}

static void receive(struct zygote_link *link) {
    while (link->file.watched) {
        struct zygote_event event;
        ssize_t size = recv(link->file.fd, &event, sizeof(event), MSG_DONTWAIT | MSG_TRUNC);
        if (size < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (size != (ssize_t)sizeof(event)) {
            lose(link);
            return;
        }
        link->calls->on_event(link->context, &event);
    }
}

static void on_channel(void *context, uint32_t events) {
    struct zygote_link *link = context;
    if (events & EPOLLOUT)
        send_pending(link);
    if (events & ~(uint32_t)EPOLLOUT)
        receive(link);
}

int zygote_link_open_take(struct zygote_link *link, int channel) {
    if (link->file.watched)
        lose(link);
    int r = loop_file_add(link->loop, &link->file, channel, EPOLLIN, on_channel, link);
    if (r < 0)
        close(channel);
    return r;
}

int zygote_link_send_take(struct zygote_link *link, const struct zygote_command *command,
                          const int *descriptors) {
    int r = -ENOTCONN;
    if (link->file.watched)
        r = link->count > 0 ? -EAGAIN : send_now(link->file.fd, command, descriptors);
    if (r != -EAGAIN) {
        close_descriptors(descriptors);
        return r;
    }
    if (link->count == link->capacity) {
        close_descriptors(descriptors);
        return -ENOBUFS;
    }
    struct zygote_pending *pending = &link->pending[(link->first + link->count) % link->capacity];
    pending->command = *command;
    if (descriptors)
        memcpy(pending->descriptors, descriptors, sizeof(pending->descriptors));
    if (link->count++ == 0)
        loop_file_modify(link->loop, &link->file, EPOLLIN | EPOLLOUT);
    return 0;
}
