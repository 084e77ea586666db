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

#define READY_MS 30000

/* The first frame of the worker: 0 for ready. */
static int read_answer(int channel, char *error, size_t error_size) {
    struct {
        struct frame_header header;
        struct setup_failure failure;
    } answer = {0};
    struct pollfd wait = {.fd = channel, .events = POLLIN};
    if (poll(&wait, 1, READY_MS) != 1) {
        snprintf(error, error_size, "the sandbox did not start within %d s", READY_MS / 1000);
        return -ETIMEDOUT;
    }
    ssize_t size = recv(channel, &answer, sizeof(answer), MSG_DONTWAIT);
    if (size == (ssize_t)sizeof(answer.header) && answer.header.type == FRAME_READY)
        return 0;
    if (size == (ssize_t)sizeof(answer) && answer.header.type == FRAME_SETUP_FAILED) {
        snprintf(error, error_size, "the sandbox cannot be set up here, stage %s: %s",
                 stage_name(answer.failure.stage), strerror(answer.failure.error));
        return -EPERM;
    }
    snprintf(error, error_size, "the interpreter does not start in the sandbox");
    return -ENOEXEC;
}

int probe_worker(struct sandbox *sandbox, char *error, size_t error_size) {
    struct slot *slot = &sandbox->slots[0];
    int pair[2], r;
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
        kill(init, SIGKILL);
        waitpid(init, NULL, __WALL);
    } else {
        snprintf(error, error_size, "no pid namespace: %s", strerror(-init));
        r = init;
    }
    close(pair[0]);
    struct cgroup_usage ignored;
    cgroup_slot_usage(&slot->cgroup, &ignored);
    return r;
}
