/*
 * watchdog: what the processes of each run hold together, where no cgroup counts it: reads
 * /proc/PID/status of every process and follows parents up to the runs' inits. proc(5). For the
 * zygote's loop: no allocation, no stdio. Must not kill.
 */
#ifndef WATCHDOG_H
#define WATCHDOG_H

#include <stdint.h>
#include <sys/types.h>

#define WATCHDOG_PROCESSES 16384 /* more than these are not looked at: -ENOSPC */

struct watched {
    pid_t init;            /* in: the run's first process as proc_fd shows it; 0: none, stays 0 */
    uint64_t image_bytes;  /* in: taken off each process of which the kernel tells VmRSS only */
    uint64_t memory_bytes; /* out: private memory of all below init, init left out */
    unsigned tasks;        /* out: their threads, zombies left out */
};

/* proc_fd: a /proc that shows all processes below the zygote. A process that ends meanwhile counts
 * 0. Memory is RssAnon and VmSwap (shared memory is the interpreter's image: a script cannot make
 * any, see seccomp_table.c), and VmRSS where the kernel does not tell it; 4 TiB for a process that
 * goes on without its first thread where the kernel does not show the others. 0 or -errno. */
int watchdog_look(int proc_fd, struct watched *runs, unsigned count);

#endif
