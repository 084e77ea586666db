/* worker_ends: makes the pairs; all or none. */
#include "worker_ends.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_pair(enum worker_file file, int *ret_server, int *ret_worker) {
    int pair[2];
    if (file == WORKER_CHANNEL) {
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
            return -errno;
    } else {
        if (pipe2(pair, O_CLOEXEC) < 0)
            return -errno;
        fcntl(pair[0], F_SETFL, O_NONBLOCK);
        /* So that a script, whose uid is another, can open /dev/stdout; there is no other name by
         * which a pipe could be opened. gVisor refuses: there it cannot. */
        (void)!fchmod(pair[1], 0666);
    }
    *ret_server = pair[0];
    *ret_worker = pair[1];
    return 0;
}

int worker_ends_open(int ret_server[WORKER_FILES], int ret_worker[WORKER_FILES]) {
    int server[WORKER_FILES] = {-1}, worker[WORKER_FILES] = {-1};
    for (int i = 0; i < WORKER_FILES; i++) {
        int r = open_pair(i, &server[i], &worker[i]);
        if (r < 0) {
            while (--i >= 0) {
                close(server[i]);
                close(worker[i]);
            }
            return r;
        }
    }
    for (int i = 0; i < WORKER_FILES; i++) {
        ret_server[i] = server[i];
        ret_worker[i] = worker[i];
    }
    return 0;
}
