/*
 * try_syscall OPTIONS COMMAND...: runs a command under the system call policy and nothing else of
 * the sandbox, in its two parts as a worker has it. OPTIONS is a word of the letters u
 * (unix_sockets), m (memfd), s (shared_uid), p (keep_private), f (shared_files), t
 * (loose_truncate), or -. For tests and for strace.
 */
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "seccomp_program.h"

int main(int argc, char *argv[]) {
    if (argc < 3)
        return 64;
    struct seccomp_options options = {.unix_sockets = strchr(argv[1], 'u') != NULL,
                                      .memfd = strchr(argv[1], 'm') != NULL,
                                      .shared_uid = strchr(argv[1], 's') != NULL,
                                      .keep_private = strchr(argv[1], 'p') != NULL,
                                      .shared_files = strchr(argv[1], 'f') != NULL,
                                      .loose_truncate = strchr(argv[1], 't') != NULL};
    struct seccomp_program zygote, worker;
    int error = seccomp_compile_zygote(&options, &zygote);
    if (!error)
        error = seccomp_compile_worker(&options, &worker);
    if (!error)
        error = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? -1 : seccomp_program_load(&zygote);
    if (!error) {
        seccomp_program_set_pid(&worker, getpid());
        error = seccomp_program_load(&worker);
    }
    if (error) {
        fprintf(stderr, "try_syscall: %d\n", error);
        return 71;
    }
    execv(argv[2], argv + 2);
    perror(argv[2]);
    return 72;
}
