/* run_channel: frames out of the request, and frames into the outcome. */
#include "run_channel.h"

#include <errno.h>
#include <sys/socket.h>

#include "run.h"
#include "run_claim.h"
#include "run_verdict.h"

/* One thread, one read at a time. */
static char scratch[64 << 10];

int run_send_request(struct run *run) {
    return input_stream_send(&run->input, run->claim.worker->descriptors[WORKER_CHANNEL]);
}

/* Takes bytes up to the end of a frame. True if the verdict stands. */
static bool take_bytes(struct run *run, const char *bytes, size_t size, size_t *ret_used) {
    switch (frame_reader_feed(&run->reader, bytes, size, ret_used)) {
    case FRAME_MORE:
        return false;
    case FRAME_WHOLE:
        if (run_verdict_frame(&run->outcome, &run->reader, &run->limits))
            return true;
        frame_reader_next(&run->reader);
        return false;
    case FRAME_TOO_BIG:
        run_verdict_limit(&run->outcome, VERDICT_OUTPUT, &run->limits);
        return true;
    case FRAME_NO_MEMORY:
        outcome_set(&run->outcome, VERDICT_INTERNAL, "The service is out of memory");
        return true;
    default:
        run_verdict_no_result(&run->outcome);
        return true;
    }
}

enum channel_end run_read_channel(struct run *run) {
    ssize_t size = recv(run->claim.worker->descriptors[WORKER_CHANNEL], scratch, sizeof(scratch),
                        MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return CHANNEL_OPEN;
    /* What a UNIX socket says when its peer was closed with bytes unread. */
    if (size < 0 && errno == ECONNRESET)
        return CHANNEL_UNREAD;
    if (size <= 0)
        return run->input.all_sent ? CHANNEL_CLOSED : CHANNEL_UNREAD;
    run_has_begun(run);
    for (size_t at = 0, used; at < (size_t)size; at += used)
        if (take_bytes(run, scratch + at, (size_t)size - at, &used))
            return CHANNEL_SETTLED;
    run->received_size += (size_t)size;
    return CHANNEL_OPEN;
}
