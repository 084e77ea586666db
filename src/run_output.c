/*
 * run_output: pipe -> outcome, and to who listens. One who has enough for the moment has the pipes
 * left alone, so that the script waits in its write(2).
 */
#include "run_output.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "run.h"
#include "run_claim.h"
#include "run_verdict.h"

/* One thread, one read at a time: they share the place where bytes land first. */
static char scratch[64 << 10];

size_t run_output_limit(const struct run *run) {
    return (size_t)run->limits.output_mb << 20;
}

static void pause_reading(struct run *run) {
    struct worker *worker = run->claim.worker;
    run->output_paused = true;
    loop_file_remove(run->loop, &worker->files[WORKER_STDOUT]);
    loop_file_remove(run->loop, &worker->files[WORKER_STDERR]);
}

static void tell(struct run *run, enum worker_file which, size_t size) {
    const struct run_tap *tap = run->tap;
    if (tap && size > 0 && !tap->on_output(tap->context, which == WORKER_STDERR, scratch, size))
        pause_reading(run);
}

/* Reads once. True if there may be more. */
static bool read_output(struct run *run, enum worker_file which) {
    struct worker *worker = run->claim.worker;
    struct outcome *outcome = &run->outcome;
    struct buf *buf = which == WORKER_STDOUT ? &outcome->stdout_bytes : &outcome->stderr_bytes;
    ssize_t size = read(worker->descriptors[which], scratch, sizeof(scratch));
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (size <= 0) {
        loop_file_remove(run->loop, &worker->files[which]);
        return false;
    }
    run_has_begun(run);
    size_t room = run_output_limit(run) - outcome->stdout_bytes.size - outcome->stderr_bytes.size;
    size_t part = (size_t)size < room ? (size_t)size : room;
    int r = buf_append(buf, scratch, part);
    if (r == 0) {
        tell(run, which, part);
        if (part == (size_t)size)
            return true;
    }
    loop_file_remove(run->loop, &worker->files[which]);
    bool decides = !run->settled || outcome->verdict == VERDICT_SUCCESS;
    if (decides && r < 0)
        outcome_set(outcome, VERDICT_INTERNAL, "The service is out of memory");
    else if (decides)
        run_verdict_limit(outcome, VERDICT_OUTPUT, &run->limits);
    if (!run->settled)
        run_settled(run);
    return false;
}

static void on_stdout(void *context, uint32_t events) {
    (void)events;
    read_output(context, WORKER_STDOUT);
}

static void on_stderr(void *context, uint32_t events) {
    (void)events;
    read_output(context, WORKER_STDERR);
}

int run_output_watch(struct run *run) {
    struct worker *worker = run->claim.worker;
    run->output_paused = false;
    int r = loop_file_add(run->loop, &worker->files[WORKER_STDOUT],
                          worker->descriptors[WORKER_STDOUT], EPOLLIN, on_stdout, run);
    return r < 0 ? r
                 : loop_file_add(run->loop, &worker->files[WORKER_STDERR],
                                 worker->descriptors[WORKER_STDERR], EPOLLIN, on_stderr, run);
}

void run_output_take_the_rest(struct run *run) {
    while (read_output(run, WORKER_STDOUT))
        ;
    while (read_output(run, WORKER_STDERR))
        ;
}

/* When its verdict stands it is too late: the rest is taken at the end. One that had an end of file
 * shows it again. */
void run_resume_output(struct run *run) {
    if (!run->output_paused || run->state != RUN_RUNNING)
        return;
    int r = run_output_watch(run);
    if (r < 0)
        run_broken(run, -r);
}
