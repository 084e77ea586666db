/*
 * seccomp_program: the system call policy (seccomp_table.h), compiled once with libseccomp to a BPF
 * program that each worker loads with one raw system call. Allow-list: what the table does not name
 * is ENOSYS (libraries fall back), what it names as denied is EPERM (a script sees
 * PermissionError). The only file that knows libseccomp. seccomp(2), seccomp_rule_add(3).
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
    bool trees_only;     /* for a kernel that does not read the table of bits right */
};

struct seccomp_program {
    struct sock_filter *filter; /* owned */
    unsigned short length;      /* in instructions */
};

/* Compiles the table. Allocates, opens files: for the zygote's start only. 0 or -errno. */
int seccomp_compile(const struct seccomp_options *options, struct seccomp_program *ret_program);
void seccomp_program_done(struct seccomp_program *program);

/* Puts the worker's own pid, as getpid() gives it there, where rows of shared_uid wait for it. To
 * be called once, in the worker, on its own copy and before seccomp_program_load; else, with
 * shared_uid, a script cannot signal even itself. Without shared_uid it changes nothing. No
 * allocation, no system call. */
void seccomp_program_set_pid(struct seccomp_program *program, pid_t pid);

/* Loads the program for the calling thread group (SECCOMP_FILTER_FLAG_TSYNC); no_new_privs must be
 * set. One raw system call, no allocation, errno untouched: may run between fork and exec. 0 or
 * -errno. */
int seccomp_program_load(const struct seccomp_program *program);

#endif
