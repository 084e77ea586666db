/*
 * seccomp_program: the system call policy (seccomp_table.h) as BPF programs, each loaded with one
 * raw system call. Allow-list: what the table does not name is ENOSYS (libraries fall back), what
 * it names as denied is EPERM (a script sees PermissionError). seccomp(2), seccomp_rule_add(3).
 *
 * It comes in two parts, since the kernel checks and translates a program each time it is loaded,
 * and a fork inherits what is loaded for nothing:
 *   1. the zygote's   all of the policy, but what the zygote and the setup of a worker need beyond
 *                     it (seccomp_setup in the table) is let through
 *   2. the worker's   just these calls, decided as the policy says; all others are let through
 * A worker is under both, and for each call one of them says ALLOW: what the other says holds. So
 * they come to the same as the whole policy, call by call; test_seccomp_parts.c compares them.
 */
#ifndef SECCOMP_PROGRAM_H
#define SECCOMP_PROGRAM_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* What the policy depends on; comes from the plan. */
struct seccomp_options {
    bool unix_sockets;   /* socket(AF_UNIX) allowed: private root and private abstract names hold */
    bool memfd;          /* memfd_create and anonymous shared memory allowed: a memory cgroup counts
                            what no single process holds */
    bool shared_uid;     /* the uid is shared with others: kill, prlimit64, sched_set*, F_SETOWN...
                            reach oneself only */
    bool keep_private;   /* files must stay unreadable for other uids: umask and chmod never grant
                            group or other bits */
    bool shared_files;   /* files of the service and of other scripts belong to a script's uid, and
                            nothing but this keeps their modes, times and attributes as they are */
    bool loose_truncate; /* only Landlock keeps files from being changed, and has no rule for
                            truncating them yet */
    bool keeper;         /* no pid namespace: an init becomes a reaper of orphans. Of the parts
                            alone: for scripts it changes nothing */
};

struct seccomp_program {
    struct sock_filter *filter; /* owned */
    unsigned short length;      /* in instructions */
};

/* Compiles the table: all of it, for a process that has no other part; or the two parts. Allocates,
 * opens files: for the zygote's start only. 0 or -errno. */
int seccomp_compile(const struct seccomp_options *options, struct seccomp_program *ret_program);
int seccomp_compile_zygote(const struct seccomp_options *options,
                           struct seccomp_program *ret_program);
int seccomp_compile_worker(const struct seccomp_options *options,
                           struct seccomp_program *ret_program);
void seccomp_program_done(struct seccomp_program *program);

/* Puts the worker's own pid, as getpid() gives it there, where rows of shared_uid wait for it: in
 * all of the policy or the worker's part, the zygote's has no such rows. To be called once, in the
 * worker, on its own copy and before seccomp_program_load; else, with shared_uid, a script cannot
 * signal even itself. Without shared_uid it changes nothing. No allocation, no system call. */
void seccomp_program_set_pid(struct seccomp_program *program, pid_t pid);

/* Loads the program for the calling thread group (SECCOMP_FILTER_FLAG_TSYNC); no_new_privs must be
 * set. One raw system call, no allocation, errno untouched: may run between fork and exec. 0 or
 * -errno. */
int seccomp_program_load(const struct seccomp_program *program);

#endif
