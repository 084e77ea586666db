/* loop: epoll and the timers around it. Knows nothing of what its events mean. */
#include "loop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "timer_heap.h"

#define BATCH 64

struct loop {
    int epoll;
    bool stopping;
    int batch_size;
    uint64_t timer_sequence;
    struct loop_timer *timers;
    struct epoll_event batch[BATCH];
};

int loop_new(struct loop **ret_loop) {
    struct loop *loop = calloc(1, sizeof(*loop));
    if (!loop)
        return -ENOMEM;
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll < 0) {
        free(loop);
        return -errno;
    }
    *ret_loop = loop;
    return 0;
}

void loop_free(struct loop *loop) {
    if (!loop)
        return;
    close(loop->epoll);
    free(loop);
}

int loop_file_add(struct loop *loop, struct loop_file *file, int fd, uint32_t events,
                  loop_file_fn *fn, void *context) {
    struct epoll_event event = {.events = events, .data.ptr = file};
    if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event) < 0)
        return -errno;
    *file = (struct loop_file){.fn = fn, .context = context, .fd = fd, .watched = true};
    return 0;
}

int loop_file_modify(struct loop *loop, struct loop_file *file, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = file};
    return epoll_ctl(loop->epoll, EPOLL_CTL_MOD, file->fd, &event) < 0 ? -errno : 0;
}

/* What the batch still holds of it must not be delivered. */
static void forget(struct loop *loop, struct loop_file *file) {
    file->watched = false;
    for (int i = 0; i < loop->batch_size; i++)
        if (loop->batch[i].data.ptr == file)
            loop->batch[i].data.ptr = NULL;
}

void loop_file_remove(struct loop *loop, struct loop_file *file) {
    if (!file->watched)
        return;
    epoll_ctl(loop->epoll, EPOLL_CTL_DEL, file->fd, NULL);
    forget(loop, file);
}

void loop_file_close(struct loop *loop, struct loop_file *file) {
    if (!file->watched)
        return;
    forget(loop, file);
    close(file->fd);
}

int64_t loop_now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void loop_timer_start(struct loop *loop, struct loop_timer *timer, int64_t delay_us,
                      loop_timer_fn *fn, void *context) {
    loop_timer_stop(loop, timer);
    timer->fn = fn;
    timer->context = context;
    timer->due_us = loop_now_us() + (delay_us > 0 ? delay_us : 0);
    timer->sequence = loop->timer_sequence++;
    timer->running = true;
    timer_heap_insert(&loop->timers, timer);
}

void loop_timer_stop(struct loop *loop, struct loop_timer *timer) {
    if (!timer->running)
        return;
    timer_heap_remove(&loop->timers, timer);
    timer->running = false;
}

/* Timers that a callback starts wait for the next round, so that they cannot starve the files. */
static void fire_timers(struct loop *loop) {
    uint64_t next_round = loop->timer_sequence;
    int64_t now_us = loop_now_us();
    while (loop->timers && loop->timers->due_us <= now_us && loop->timers->sequence < next_round) {
        struct loop_timer *timer = loop->timers;
        loop_timer_stop(loop, timer);
        timer->fn(timer->context);
    }
}

/* epoll_wait(2) counts milliseconds: rounded up, so that a timer is never early. */
static int wait_ms(const struct loop *loop) {
    if (!loop->timers)
        return -1;
    int64_t left_us = loop->timers->due_us - loop_now_us();
    if (left_us <= 0)
        return 0;
    int64_t left_ms = (left_us + 999) / 1000;
    return left_ms > INT32_MAX ? INT32_MAX : (int)left_ms;
}

int loop_run(struct loop *loop) {
    loop->stopping = false;
    while (!loop->stopping) {
        int count = epoll_wait(loop->epoll, loop->batch, BATCH, wait_ms(loop));
        if (count < 0 && errno != EINTR)
            return -errno;
        loop->batch_size = count > 0 ? count : 0;
        for (int i = 0; i < loop->batch_size; i++) {
            struct loop_file *file = loop->batch[i].data.ptr;
            if (file)
                file->fn(file->context, loop->batch[i].events);
        }
        loop->batch_size = 0;
        fire_timers(loop);
    }
    return 0;
}

void loop_stop(struct loop *loop) {
    loop->stopping = true;
}
