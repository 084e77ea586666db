/*
 * loop: file and timer events of one thread, over epoll(7). Events are structs inside what they
 * belong to; the loop allocates nothing after loop_new. Any call is allowed inside a callback: an
 * event that was removed is not delivered any more, not even from the batch that is being handled.
 */
#ifndef LOOP_H
#define LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct loop;

/* events: EPOLLIN, EPOLLOUT, EPOLLHUP, ... as epoll_wait(2) gives them. */
typedef void loop_file_fn(void *context, uint32_t events);
typedef void loop_timer_fn(void *context);

/* Zero-filled is not watched. fn and context may be changed at any time. */
struct loop_file {
    loop_file_fn *fn;
    void *context;
    int fd; /* valid while watched */
    bool watched;
};

/* Zero-filled is not running. One shot. The links are the loop's. */
struct loop_timer {
    loop_timer_fn *fn;
    void *context;
    bool running;
    int64_t due_us;
    uint64_t sequence;
    struct loop_timer *child, *sibling, *previous;
};

/* 0 or -errno. */
int loop_new(struct loop **ret_loop);
void loop_free(struct loop *loop); /* NULL is fine; events are left to their owners */

/* Watches fd, level-triggered; the descriptor stays the caller's. 0 or -errno. */
int loop_file_add(struct loop *loop, struct loop_file *file, int fd, uint32_t events,
                  loop_file_fn *fn, void *context);
int loop_file_modify(struct loop *loop, struct loop_file *file, uint32_t events);
/* Nothing happens if it is not watched. */
void loop_file_remove(struct loop *loop, struct loop_file *file);
/* Removes and closes. For a descriptor without duplicates this spares a system call: the kernel
 * forgets what is closed. */
void loop_file_close(struct loop *loop, struct loop_file *file);

/* Starts or starts anew: fn(context) is called once after delay_us, never before this call has
 * returned. Timers that are due together fire in the order in which they are due, then in which
 * they were started. */
void loop_timer_start(struct loop *loop, struct loop_timer *timer, int64_t delay_us,
                      loop_timer_fn *fn, void *context);
void loop_timer_stop(struct loop *loop, struct loop_timer *timer);

/* Monotonic clock, microseconds. */
int64_t loop_now_us(void);

/* Handles events until loop_stop. 0 or -errno. */
int loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

#endif
