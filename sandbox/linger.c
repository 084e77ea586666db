/* linger: see linger.h. */
#include "linger.h"

#include <errno.h>
#include <sys/wait.h>
#include <time.h>

#define LONGEST_S 2 /* less than the server waits for an exit status: LAST_WORD_US in src/run.c */

void linger_with_children(void) {
    siginfo_t ended;
    if (waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) < 0)
        return;
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += LONGEST_S;
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
        continue;
}
