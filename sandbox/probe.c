/* probe: takes the server's part for one worker. */
#include "probe.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "init.h"
#include "protocol.h"
#include "sandbox.h"
#include "watchdog.h"

#define READY_MS 30000

/* One frame with its payload into at most size bytes; its type, or -errno. */
static int read_frame(int channel, void *payload, size_t size) {
    struct frame_header header;
    struct pollfd wait = {.fd = channel, .events = POLLIN};
    if (poll(&wait, 1, READY_MS) != 1)
        return -ETIMEDOUT;
    if (recv(channel, &header, sizeof(header), MSG_WAITALL) != (ssize_t)sizeof(header) ||
        header.size > size)
        return -EPIPE;
    if (header.size > 0 && recv(channel, payload, header.size, MSG_WAITALL) != header.size)
        return -EPIPE;
    return (int)header.type;
}

/* 0 when the worker is ready. */
static int read_answer(int channel, char *error, size_t error_size) {
    union {
        struct setup_failure failure;
        struct stage_trace trace;
    } payload = {.trace = {{0}}};
    int type = read_frame(channel, &payload, sizeof(payload));
    if (type == FRAME_TRACE)
        type = read_frame(channel, &payload, sizeof(payload));
    if (type == FRAME_READY)
        return 0;
    if (type == -ETIMEDOUT)
        snprintf(error, error_size, "the sandbox did not start within %d s", READY_MS / 1000);
    else if (type == FRAME_SETUP_FAILED)
        snprintf(error, error_size, "the sandbox cannot be set up here, stage %s: %s",
                 stage_name(payload.failure.stage), strerror(payload.failure.error));
    else
        snprintf(error, error_size, "the interpreter does not start in the sandbox");
    return -ENOEXEC;
}

/* With other rights than it has, as under hidepid, /proc leaves out the processes of others. Then
 * there would be no limit. */
static int check_watchdog(const struct slot *slot, pid_t init, char *error, size_t error_size) {
    struct watched watched = {.init = init, .image_bytes = slot->sandbox->image_bytes};
    int r = watchdog_look(slot->sandbox->proc_fd, &watched, 1);
    if (r == 0 && watched.tasks > 0)
        return 0;
    snprintf(error, error_size,
             "nothing would bound memory and processes: no cgroup, and the watchdog does not see a "
             "worker in /proc (mounted with hidepid?)");
    return -ENOTSUP;
}

int probe_worker(struct sandbox *sandbox, char *error, size_t error_size) {
    struct slot *slot = &sandbox->slots[0];
    int pair[2] = {-1, -1}, r;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
        snprintf(error, error_size, "no socket pair: %s", strerror(errno));
        return -errno;
    }
    slot->channel = pair[1];
    slot->stdout_fd = slot->stderr_fd =
        2; /* what the interpreter has to complain of should be seen */
    pid_t init = init_start(slot);
    close(pair[1]);
    if (init > 0) {
        r = read_answer(pair[0], error, error_size);
        if (r == 0 && sandbox->plan.cgroup_version == 0)
            r = check_watchdog(slot, init, error, error_size);
        slot->init = init;
        init_kill(slot);
        waitpid(init, NULL, __WALL);
        slot->init = 0;
        int cleared = init_needs_clear(slot) ? places_clear(slot) : 0;
        if (cleared < 0 && r == 0) {
            snprintf(error, error_size, "the scratch space cannot be cleared: %s",
                     strerror(-cleared));
            r = -ENOTEMPTY;
        }
    } else {
        snprintf(error, error_size, "no process for a worker: %s", strerror(-init));
        r = init;
    }
    close(pair[0]);
    struct cgroup_usage ignored;
    cgroup_slot_usage(&slot->cgroup, &ignored);
    return r;
}
