/*
 * fake_zygote: the other end of protocol.h inside a test's own loop. Workers are only descriptors
 * here: what a worker would do when it has its script is a function of the test.
 */
#ifndef FAKE_ZYGOTE_H
#define FAKE_ZYGOTE_H

#include <assert.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loop.h"
#include "pool.h"
#include "protocol.h"

#define FAKE_SLOTS 16

struct fake_zygote;

struct fake_worker {
    struct fake_zygote *zygote;
    bool alive;
    uint64_t run;
    unsigned slot;
    int channel, out, err;
    struct loop_file file;
    char input[1 << 17]; /* what came over the channel */
    size_t input_size;
};

struct fake_zygote {
    struct loop *loop;
    int server_end, fd;
    struct loop_file file;
    bool mute;             /* workers never say FRAME_READY */
    bool deaf;             /* ... and do not read what they are sent */
    bool immortal;         /* kills are not carried out */
    bool slow;             /* limits are not answered */
    int limit_error;       /* answer to limits */
    uint64_t memory_bytes; /* the last limit */
    uint32_t flags;        /* of events for workers that were killed */
    unsigned spawned, killed, pinged;
    void (*on_script)(struct fake_worker *worker); /* may be NULL */
    struct fake_worker workers[FAKE_SLOTS];
};

static inline void fake_frame(struct fake_worker *worker, uint32_t type, const void *bytes,
                              size_t size) {
    struct frame_header header = {.type = type, .size = (uint32_t)size};
    assert(send(worker->channel, &header, sizeof(header), MSG_NOSIGNAL) == sizeof(header));
    if (size > 0)
        assert(send(worker->channel, bytes, size, MSG_NOSIGNAL) == (ssize_t)size);
}

static inline void fake_send_event(struct fake_zygote *zygote, const struct zygote_event *event) {
    assert(send(zygote->fd, event, sizeof(*event), 0) == sizeof(*event));
}

/* The worker is gone: its descriptors first, then the news. */
static inline void fake_end(struct fake_worker *worker, uint32_t flags, int wait_status) {
    struct fake_zygote *zygote = worker->zygote;
    if (!worker->alive)
        return;
    worker->alive = false;
    loop_file_remove(zygote->loop, &worker->file);
    close(worker->channel);
    close(worker->out);
    close(worker->err);
    struct zygote_event event = {.type = ZYGOTE_ENDED,
                                 .slot = worker->slot,
                                 .run = worker->run,
                                 .flags = flags,
                                 .wait_status = wait_status};
    fake_send_event(zygote, &event);
}

static inline void fake_on_input(void *context, uint32_t events) {
    struct fake_worker *worker = context;
    (void)events;
    ssize_t size = recv(worker->channel, worker->input + worker->input_size,
                        sizeof(worker->input) - worker->input_size, MSG_DONTWAIT);
    if (size <= 0) {
        loop_file_remove(worker->zygote->loop, &worker->file);
        return;
    }
    worker->input_size += (size_t)size;
    struct frame_header go;
    memcpy(&go, worker->input + worker->input_size - sizeof(go), sizeof(go));
    if (go.type == FRAME_RUN && go.size == 0 && worker->zygote->on_script)
        worker->zygote->on_script(worker);
}

static inline void fake_spawn(struct fake_zygote *zygote, const struct zygote_command *command,
                              struct cmsghdr *header) {
    struct fake_worker *worker = &zygote->workers[command->slot];
    int descriptors[3];
    assert(command->slot < FAKE_SLOTS && !worker->alive);
    assert(header && header->cmsg_len == CMSG_LEN(sizeof(descriptors)));
    memcpy(descriptors, CMSG_DATA(header), sizeof(descriptors));
    *worker = (struct fake_worker){.zygote = zygote,
                                   .alive = true,
                                   .run = command->run,
                                   .slot = command->slot,
                                   .channel = descriptors[0],
                                   .out = descriptors[1],
                                   .err = descriptors[2]};
    if (!zygote->deaf)
        loop_file_add(zygote->loop, &worker->file, worker->channel, EPOLLIN, fake_on_input, worker);
    zygote->spawned++;
    if (!zygote->mute)
        fake_frame(worker, FRAME_READY, NULL, 0);
}

static inline void fake_on_command(void *context, uint32_t events) {
    struct fake_zygote *zygote = context;
    struct zygote_command command;
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(3 * sizeof(int))];
    } control;
    struct iovec part = {.iov_base = &command, .iov_len = sizeof(command)};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof(control.bytes)};
    (void)events;
    if (recvmsg(zygote->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) != sizeof(command)) {
        loop_file_remove(zygote->loop, &zygote->file);
        return;
    }
    if (command.type == ZYGOTE_SPAWN) {
        fake_spawn(zygote, &command, CMSG_FIRSTHDR(&message));
        return;
    }
    if (command.type == ZYGOTE_PING) {
        zygote->pinged++;
        fake_send_event(zygote, &(struct zygote_event){.type = ZYGOTE_PONG});
        return;
    }
    struct fake_worker *worker = &zygote->workers[command.slot];
    if (worker->run != command.run)
        return;
    if (command.type == ZYGOTE_LIMIT) {
        zygote->memory_bytes = command.memory_bytes;
        if (!zygote->slow)
            fake_send_event(zygote, &(struct zygote_event){.type = ZYGOTE_LIMITED,
                                                           .slot = command.slot,
                                                           .run = command.run,
                                                           .error = zygote->limit_error});
        return;
    }
    zygote->killed++;
    if (!zygote->immortal)
        fake_end(worker, zygote->flags | ENDED_STATUS_KNOWN, 9);
}

/* Give server_end to pool_zygote_take. library_bytes: what it reports. */
static inline void fake_zygote_init_with(struct fake_zygote *zygote, struct loop *loop,
                                         uint64_t library_bytes) {
    int pair[2];
    memset(zygote, 0, sizeof(*zygote));
    assert(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
    zygote->loop = loop;
    zygote->server_end = pair[0];
    zygote->fd = pair[1];
    loop_file_add(loop, &zygote->file, zygote->fd, EPOLLIN, fake_on_command, zygote);
    fake_send_event(zygote, &(struct zygote_event){.type = ZYGOTE_UP,
                                                   .report = {.library_bytes = library_bytes}});
}

static inline void fake_zygote_init(struct fake_zygote *zygote, struct loop *loop) {
    fake_zygote_init_with(zygote, loop, 0);
}

/* Dies with all its workers. */
static inline void fake_zygote_done(struct fake_zygote *zygote) {
    if (zygote->fd < 0)
        return;
    for (int i = 0; i < FAKE_SLOTS; i++) {
        struct fake_worker *worker = &zygote->workers[i];
        if (worker->alive) {
            worker->alive = false;
            loop_file_remove(zygote->loop, &worker->file);
            close(worker->channel);
            close(worker->out);
            close(worker->err);
        }
    }
    loop_file_remove(zygote->loop, &zygote->file);
    close(zygote->fd);
    zygote->fd = -1;
}

/* Longer than any chain of messages that one event starts. */
#define FAKE_ROUNDS 50

struct fake_wait {
    struct loop *loop;
    struct loop_timer timer;
    int rounds;
};

/* A timer that a callback starts comes after the files of the next round. */
static inline void fake_next_round(void *context) {
    struct fake_wait *wait = context;
    if (wait->rounds-- > 0)
        loop_timer_start(wait->loop, &wait->timer, 0, fake_next_round, wait);
    else
        loop_stop(wait->loop);
}

/* Lets the loop go on for so long, and then until what has begun is through, however slow the
 * machine is. */
static inline void fake_wait_ms(struct loop *loop, int ms) {
    struct fake_wait wait = {.loop = loop, .rounds = FAKE_ROUNDS};
    loop_timer_start(loop, &wait.timer, ms * 1000LL, fake_next_round, &wait);
    loop_run(loop);
    loop_timer_stop(loop, &wait.timer);
}

#endif
