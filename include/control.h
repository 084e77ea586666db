/*
 * control: what the monitor tells the server, over a SOCK_SEQPACKET pair: first the access tokens,
 * then each new zygote's channel, and the tokens again when they have changed. A secret goes this
 * way because arguments and environments can be looked at. The other way go single bytes: what the
 * server asks for. unix(7), SCM_RIGHTS.
 */
#ifndef CONTROL_H
#define CONTROL_H

#include <stdint.h>

#include "tokens.h"

enum control_type { CONTROL_TOKENS = 1, CONTROL_ZYGOTE };

enum control_request {
    CONTROL_REPLACE, /* another zygote beside the present one, which has its last runs to end */
    CONTROL_KILL,    /* the present one hangs: another one after it */
    CONTROL_KILL_REPLACED, /* one before it hangs, and nobody needs the others before it */
};

struct control_message {
    uint32_t type;        /* enum control_type */
    int channel;          /* of CONTROL_ZYGOTE: the receiver's to close */
    struct tokens tokens; /* of CONTROL_TOKENS: to be wiped by the receiver */
};

/* Each sends one message and does not block. 0 or -errno. The channel stays the caller's. */
int control_send_tokens(int socket, const struct tokens *tokens);
int control_send_zygote(int socket, int channel);

/* Takes one message. flags: MSG_DONTWAIT, or 0 to wait for it. 0; -EAGAIN, -EPIPE when the other
 * end is gone, -EPROTO, -errno; *ret_message is undefined then. */
int control_receive(int socket, int flags, struct control_message *ret_message);

#endif
