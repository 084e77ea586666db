/* zygote_channel: the zygote's end of its conversation with the server (protocol.h): messages in,
 * events out. */
#ifndef ZYGOTE_CHANNEL_H
#define ZYGOTE_CHANNEL_H

#include "protocol.h"

#define SPAWN_DESCRIPTORS 3

/* Takes one message without waiting. Returns 1 with the command and, for ZYGOTE_SPAWN, the caller's
 * three descriptors in order (channel, stdout, stderr); 0 if there is none now; -EPIPE at end of
 * file; -EBADMSG for a message that is not of the protocol (its descriptors are closed); -errno. */
int zygote_channel_take(int socket, struct zygote_command *ret_command,
                        int ret_fds[SPAWN_DESCRIPTORS]);

/* Sends an event; waits for room. 0 or -errno. */
int zygote_channel_send(int socket, const struct zygote_event *event);

#endif
