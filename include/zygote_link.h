/*
 * zygote_link: the server's end of its conversation with the zygote (see protocol.h): commands out
 * in order, events in, neither ever blocking. Knows nothing of slots. unix(7), SCM_RIGHTS.
 */
#ifndef ZYGOTE_LINK_H
#define ZYGOTE_LINK_H

#include <stddef.h>

#include "loop.h"
#include "protocol.h"

#define SPAWN_DESCRIPTORS 3

struct zygote_link_calls {
    void (*on_event)(void *context, const struct zygote_event *event);
    void (*on_lost)(void *context); /* the channel is closed; what was waiting to be sent is gone */
};

struct zygote_pending {
    struct zygote_command command;
    int descriptors[SPAWN_DESCRIPTORS];
};

struct zygote_link {
    struct loop *loop;
    struct loop_file file; /* watched while the channel is open */
    const struct zygote_link_calls *calls;
    void *context;
    struct zygote_pending *pending; /* ring: what the socket would not take yet */
    size_t capacity, first, count;
};

/* capacity: commands that may wait at once. 0 or -ENOMEM. */
int zygote_link_init(struct zygote_link *link, struct loop *loop, size_t capacity,
                     const struct zygote_link_calls *calls, void *context);
/* Lets the zygote go: it reads end of file, ends everything and leaves. No call follows; may be
 * opened again. */
void zygote_link_close(struct zygote_link *link);

void zygote_link_done(struct zygote_link *link);

/* Uses channel from now on and owns it. One that was open before is closed first, with on_lost.
 * 0, or -errno (channel closed). */
int zygote_link_open_take(struct zygote_link *link, int channel);

/* Sends a command or keeps it until it can be sent. descriptors: three for ZYGOTE_SPAWN, which are
 * closed in any case; NULL for others. 0; -ENOTCONN, -ENOBUFS (too many wait) or what sendmsg(2)
 * says: then the zygote never hears of it. */
int zygote_link_send_take(struct zygote_link *link, const struct zygote_command *command,
                          const int *descriptors);

#endif
