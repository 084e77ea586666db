/*
 * run_channel: what goes to a worker and comes from it on its channel while its script runs.
 * Private to run*.c.
 */
#ifndef RUN_CHANNEL_H
#define RUN_CHANNEL_H

struct run;

enum channel_end {
    CHANNEL_OPEN,
    CHANNEL_SETTLED, /* the outcome's verdict is filled in */
    CHANNEL_CLOSED,
    CHANNEL_UNREAD /* closed, and not all of the request was read: it cannot have begun */
};

/* Sends more of the request, without blocking. 0 when all is sent; -EAGAIN: call again when the
 * channel can be written; another -errno: the worker has closed it, most likely. */
int run_send_request(struct run *run);

/* Reads once, without blocking. unix(7): ECONNRESET. */
enum channel_end run_read_channel(struct run *run);

#endif
