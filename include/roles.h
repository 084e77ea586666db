/*
 * roles: the entry points of the processes that one binary becomes. Each is called once by main(),
 * in a process of its own that was started by exec, and returns the process's exit status.
 * Descriptors that the monitor hands over have fixed numbers.
 */
#ifndef ROLES_H
#define ROLES_H

struct config;
struct tokens;

/* In server and zygote: descriptor 3. Server: a SOCK_SEQPACKET over which the monitor passes the
 * access tokens and each new zygote's channel, see control.h. Zygote: its channel to the server,
 * SOCK_SEQPACKET, see protocol.h. */
#define ROLE_CHANNEL_FD 3

/* Exit status of a role that cannot work here whatever is tried again (address in use, a layer that
 * must hold is missing): the monitor then ends the service instead of starting the role again. It
 * has said why on stderr. */
#define ROLE_EXIT_REFUSED 78

/* config: without token_file, which is an argument here: no other role knows of it. tokens: what it
 * or the environment had. */
int monitor_main(const struct config *config, const char *program, const char *token_file,
                 const struct tokens *tokens);
int server_main(const struct config *config);
int zygote_main(const struct config *config);
/* --check: prepares a sandbox as the zygote would, starts one worker, prints what holds. */
int check_main(const struct config *config);

#endif
