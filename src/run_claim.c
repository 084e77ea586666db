/* run_claim: RUN_CLAIMING, once or more often. Knows nothing of what a worker says. */
#include "run_claim.h"

#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "log.h"

#define ANEW_US (15 * 1000000LL) /* more than the pool gives a worker to start */

static void claim_expired(void *context) {
    struct run *run = context;
    pool_unclaim(run->pool, &run->claim);
    outcome_set(&run->outcome, VERDICT_OVERLOADED, "No sandbox became free in time");
    run->outcome.retry_after_s = 1;
    run_finish(run);
}

void run_claim(struct run *run, int64_t longest_us) {
    run->state = RUN_CLAIMING;
    loop_timer_start(run->loop, &run->timer, longest_us, claim_expired, run);
    pool_claim(run->pool, &run->claim);
}

bool run_is_unread(const struct run *run) {
    char byte;
    ssize_t size =
        recv(run->claim.worker->descriptors[WORKER_CHANNEL], &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return size <= 0 && (!run->input.all_sent || (size < 0 && errno == ECONNRESET));
}

void run_has_begun(struct run *run) {
    if (run->input.all_sent)
        request_done(&run->request);
}

/* What a worker leaves unread when it closes the channel is no longer in it either, but then the
 * end is there first. */
void run_reclaim(struct run *run) {
    if (run->state != RUN_RUNNING || !run->input.all_sent)
        return;
    struct pollfd channel = {.fd = run->claim.worker->descriptors[WORKER_CHANNEL]};
    int unread;
    if (ioctl(channel.fd, SIOCOUTQ, &unread) == 0 && unread == 0 && poll(&channel, 1, 0) == 0)
        request_done(&run->request);
}

void run_broken(struct run *run, int error) {
    log_line(LOG_ERROR, "a run could not be started: errno %d", error);
    outcome_set(&run->outcome, VERDICT_INTERNAL, "The sandbox broke before the script started");
    run_settled(run);
}

bool run_begin_anew(struct run *run) {
    const int64_t now_us = loop_now_us();
    if (run->began_anew == 0)
        run->anew_by_us = now_us + ANEW_US;
    if (run->began_anew >= run->most_anew || now_us >= run->anew_by_us || !run->request.script ||
        run->received_size > 0)
        return false;
    log_line(LOG_WARNING, "a worker was gone before its script began: another one is taken");
    run->began_anew++;
    pool_unclaim(run->pool, &run->claim);
    run->unread = false;
    input_stream_init(&run->input, &run->request);
    run->started_us = 0;
    run->outcome.started = false;
    run->outcome.stdout_bytes.size = run->outcome.stderr_bytes.size = 0;
    run_claim(run, run->anew_by_us - now_us);
    return true;
}
