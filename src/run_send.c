/* run_send: a header, the source, a header, in as few calls as the socket takes. */
#include "run_send.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "run.h"

int run_send_script(struct run *run) {
    struct frame_header script = {.type = FRAME_SCRIPT, .size = (uint32_t)run->script_size};
    struct frame_header go = {.type = FRAME_RUN};
    struct iovec parts[] = {
        {&script, sizeof(script)}, {run->script, run->script_size}, {&go, sizeof(go)}};
    const size_t count = sizeof(parts) / sizeof(parts[0]);
    size_t skip = run->sent_size, first = 0;
    while (first < count && skip >= parts[first].iov_len)
        skip -= parts[first++].iov_len;
    if (first == count)
        return 0;
    parts[first].iov_base = (char *)parts[first].iov_base + skip;
    parts[first].iov_len -= skip;
    size_t wanted = 0;
    for (size_t i = first; i < count; i++)
        wanted += parts[i].iov_len;
    struct msghdr message = {.msg_iov = parts + first, .msg_iovlen = count - first};
    ssize_t size = sendmsg(run->claim.worker->descriptors[WORKER_CHANNEL], &message,
                           MSG_DONTWAIT | MSG_NOSIGNAL);
    if (size < 0)
        return errno == EINTR ? -EAGAIN : -errno;
    run->sent_size += (size_t)size;
    return (size_t)size == wanted ? 0 : -EAGAIN;
}
