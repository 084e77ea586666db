/*
 * child: one role's process as the monitor sees it. pid is 0 while it does not run; then due_ms
 * says when to start it (monotonic milliseconds, doubling from 100 ms to 5 s while its lives are
 * short). end_by_ms says when it is killed if it has not left by then. No call blocks.
 */
#ifndef CHILD_H
#define CHILD_H

#include <stdint.h>
#include <sys/types.h>

#include "config.h"

struct child {
    enum role role;
    pid_t pid;
    int64_t started_ms, due_ms, delay_ms;
    int64_t end_by_ms;   /* 0: whenever it likes */
    uint64_t generation; /* of its config */
};

int64_t child_now_ms(void);

/* Forks and execs program in the child's role; channel becomes its descriptor ROLE_CHANNEL_FD and
 * stays the caller's to close. 0 or -errno. */
int child_start(struct child *child, const struct config *config, const char *program,
                char *const envp[], int channel);

/* To be told when the process was reaped. */
void child_ended(struct child *child);

/* Without delay, if it runs. */
void child_kill(struct child *child);

/* It should leave by itself; at that moment it is killed. Of two such moments the earlier counts.
 * Nothing happens if it does not run. */
void child_end_by(struct child *child, int64_t at_ms);

/* Kills it if it should have left by now. The moment for which that is still to be looked at;
 * INT64_MAX: there is none. */
int64_t child_kill_due(struct child *child);

#endif
