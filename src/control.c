/* control: one struct a message; the descriptor, where there is one, beside it. */
#include "control.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union descriptor_space {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
};

int control_send_tokens(int socket, const struct tokens *tokens) {
    struct control_message message = {.type = CONTROL_TOKENS, .channel = -1, .tokens = *tokens};
    ssize_t size = send(socket, &message, sizeof(message), MSG_NOSIGNAL | MSG_DONTWAIT);
    int error = errno;
    explicit_bzero(&message, sizeof(message));
    return size < 0 ? -error : 0;
}

int control_send_zygote(int socket, int channel) {
    uint32_t type = CONTROL_ZYGOTE;
    union descriptor_space control = {0};
    struct iovec part = {.iov_base = &type, .iov_len = sizeof(type)};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof(control.bytes)};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &channel, sizeof(int));
    return sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

int control_receive(int socket, int flags, struct control_message *ret_message) {
    union descriptor_space control;
    struct iovec part = {.iov_base = ret_message, .iov_len = sizeof(*ret_message)};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof(control.bytes)};
    ssize_t size;
    do
        size = recvmsg(socket, &message, flags | MSG_CMSG_CLOEXEC);
    while (size < 0 && errno == EINTR);
    if (size < 0)
        return -errno;
    if (size == 0)
        return -EPIPE;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    bool has_channel = header && header->cmsg_level == SOL_SOCKET &&
                       header->cmsg_type == SCM_RIGHTS && header->cmsg_len == CMSG_LEN(sizeof(int));
    int channel = -1;
    if (has_channel)
        memcpy(&channel, CMSG_DATA(header), sizeof(int));
    bool is_zygote =
        size == (ssize_t)sizeof(uint32_t) && ret_message->type == CONTROL_ZYGOTE && has_channel;
    bool is_tokens = size == (ssize_t)sizeof(*ret_message) && ret_message->type == CONTROL_TOKENS &&
                     !has_channel && ret_message->tokens.count <= TOKENS_MOST;
    if (!is_zygote && !is_tokens) {
        if (channel >= 0)
            close(channel);
        return -EPROTO;
    }
    ret_message->channel = channel;
    return 0;
}
