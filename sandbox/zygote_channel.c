/* zygote_channel: recvmsg(2), unix(7) SCM_RIGHTS. */
#include "zygote_channel.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The control space is padded: the kernel may put one descriptor more into it than are wanted. */
#define MOST_DESCRIPTORS                                                                           \
    ((int)((CMSG_SPACE(SPAWN_DESCRIPTORS * sizeof(int)) - CMSG_LEN(0)) / sizeof(int)))

static int take_descriptors(struct msghdr *message, int fds[MOST_DESCRIPTORS]) {
    struct cmsghdr *header = CMSG_FIRSTHDR(message);
    if (!header || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
        return 0;
    size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    memcpy(fds, CMSG_DATA(header), count * sizeof(int));
    return (int)count;
}

static void close_descriptors(const int *fds, int count) {
    for (int i = 0; i < count; i++)
        close(fds[i]);
}

int zygote_channel_take(int socket, struct zygote_command *ret_command,
                        int ret_fds[SPAWN_DESCRIPTORS]) {
    struct zygote_command command;
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(SPAWN_DESCRIPTORS * sizeof(int))];
    } control;
    struct iovec part = {.iov_base = &command, .iov_len = sizeof(command)};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof(control)};
    ssize_t size = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (size < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    int fds[MOST_DESCRIPTORS], count = take_descriptors(&message, fds);
    if (size == 0 && count == 0)
        return -EPIPE;
    int expected =
        size == (ssize_t)sizeof(command) && command.type == ZYGOTE_SPAWN ? SPAWN_DESCRIPTORS : 0;
    if (size != (ssize_t)sizeof(command) || (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) ||
        count != expected) {
        close_descriptors(fds, count);
        return -EBADMSG;
    }
    *ret_command = command;
    memcpy(ret_fds, fds, (size_t)count * sizeof(int));
    return 1;
}

int zygote_channel_send(int socket, const struct zygote_event *event) {
    ssize_t size;
    do
        size = send(socket, event, sizeof(*event), MSG_NOSIGNAL);
    while (size < 0 && errno == EINTR);
    return size < 0 ? -errno : 0;
}
