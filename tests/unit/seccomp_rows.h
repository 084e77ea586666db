/* seccomp_rows: system calls with harmless arguments, and what the policy makes of each. For
 * test_seccomp.c, which tries them, and test_seccomp_policy.c, which works out what the filter
 * says. Include cmocka.h before. */
#ifndef SECCOMP_ROWS_H
#define SECCOMP_ROWS_H

#include <asm/ioctls.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/fsverity.h>
#include <linux/prctl.h>
#include <linux/sockios.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "seccomp_program.h"

#ifndef SYS_fchmodat2 /* Linux 6.6 */
#define SYS_fchmodat2 452
#endif

#define SAME (-1)              /* the call comes to the same as without the filter */
#define OWN_PID 0x10000000000L /* stands for the calling process's pid */

#define BAD ((long)1) /* a pointer that no process can read */

enum options { PLAIN = 0, UNIX = 1, MEMFD = 2, SHARED = 4, PRIVATE = 8, FILES = 16, TRUNCATE = 32 };

struct row {
    const char *label;
    unsigned options;
    int expected; /* errno; 0: succeeds with result 0 without doing anything; or SAME */
    long number, arguments[6];
};

#define CALL(name) .label = #name, .number = SYS_##name

static const struct row rows[] = {
    /* what is refused by name */
    {CALL(ptrace), .expected = EPERM, .arguments = {99999, -1}},
    {CALL(process_vm_readv), .expected = EPERM, .arguments = {-1, 0, 0, 0, 0, 0}},
    {CALL(process_vm_writev), .expected = EPERM, .arguments = {-1, 0, 0, 0, 0, 0}},
    {CALL(pidfd_getfd), .expected = EPERM, .arguments = {-1, -1, 0}},
    {CALL(kcmp), .expected = EPERM, .arguments = {-1, -1, 0, 0, 0}},
    {CALL(keyctl), .expected = EPERM, .arguments = {-1}},
    {CALL(add_key), .expected = EPERM, .arguments = {BAD, BAD, BAD, 0, 0}},
    {CALL(request_key), .expected = EPERM, .arguments = {BAD, BAD, BAD, 0}},
    {CALL(userfaultfd), .expected = EPERM, .arguments = {-1}},
    {CALL(io_uring_setup), .expected = EPERM, .arguments = {1, BAD}},
    {CALL(io_uring_enter), .expected = EPERM, .arguments = {-1, 0, 0, 0, 0, 0}},
    {CALL(io_uring_register), .expected = EPERM, .arguments = {-1, 0, 0, 0}},
    {CALL(bpf), .expected = EPERM, .arguments = {-1, BAD, 8}},
    {CALL(perf_event_open), .expected = EPERM, .arguments = {BAD, 0, -1, -1, 0}},
    {CALL(seccomp), .expected = EPERM, .arguments = {99, 0, 0}},
    {CALL(unshare), .expected = EPERM, .arguments = {0}},
    {CALL(setns), .expected = EPERM, .arguments = {-1, 0}},
    {CALL(mount), .expected = EPERM, .arguments = {BAD, BAD, BAD, 0, 0}},
    {CALL(umount2), .expected = EPERM, .arguments = {BAD, -1}},
    {CALL(fsopen), .expected = EPERM, .arguments = {BAD, -1}},
    {CALL(fsconfig), .expected = EPERM, .arguments = {-1, 99, 0, 0, 0}},
    {CALL(fsmount), .expected = EPERM, .arguments = {-1, -1, 0}},
    {CALL(fspick), .expected = EPERM, .arguments = {-1, BAD, -1}},
    {CALL(open_tree), .expected = EPERM, .arguments = {-1, BAD, -1}},
    {CALL(move_mount), .expected = EPERM, .arguments = {-1, BAD, -1, BAD, -1}},
    {CALL(mount_setattr), .expected = EPERM, .arguments = {-1, BAD, -1, 0, 0}},
    {CALL(pivot_root), .expected = EPERM, .arguments = {BAD, BAD}},
    {CALL(chroot), .expected = EPERM, .arguments = {BAD}},
    {CALL(name_to_handle_at), .expected = EPERM, .arguments = {-1, BAD, BAD, BAD, -1}},
    {CALL(open_by_handle_at), .expected = EPERM, .arguments = {-1, BAD, 0}},
    {CALL(fanotify_init), .expected = EPERM, .arguments = {-1, 0}},
    {CALL(kexec_load), .expected = EPERM, .arguments = {0, 0, 0, -1}},
    {CALL(init_module), .expected = EPERM, .arguments = {BAD, 0, BAD}},
    {CALL(finit_module), .expected = EPERM, .arguments = {-1, BAD, -1}},
    {CALL(delete_module), .expected = EPERM, .arguments = {BAD, 0}},
    {CALL(settimeofday), .expected = EPERM, .arguments = {BAD, 0}},
    {CALL(clock_settime), .expected = EPERM, .arguments = {0, BAD}},
    {CALL(clock_adjtime), .expected = EPERM, .arguments = {0, BAD}},
    {CALL(adjtimex), .expected = EPERM, .arguments = {BAD}},
    {CALL(swapon), .expected = EPERM, .arguments = {BAD, -1}},
    {CALL(swapoff), .expected = EPERM, .arguments = {BAD}},
    {CALL(reboot), .expected = EPERM, .arguments = {0, 0, 0, 0}},
    {CALL(sethostname), .expected = EPERM, .arguments = {BAD, -1}},
    {CALL(setdomainname), .expected = EPERM, .arguments = {BAD, -1}},
    {CALL(syslog), .expected = EPERM, .arguments = {99, 0, 0}},
    {CALL(acct), .expected = EPERM, .arguments = {BAD}},
    {CALL(quotactl), .expected = EPERM, .arguments = {-1, BAD, 0, 0}},
    {CALL(shmget), .expected = EPERM, .arguments = {77, 0, 0}},
    {CALL(shmat), .expected = EPERM, .arguments = {-1, 0, 0}},
    {CALL(semget), .expected = EPERM, .arguments = {77, -1, 0}},
    {CALL(semop), .expected = EPERM, .arguments = {-1, 0, 0}},
    {CALL(msgget), .expected = EPERM, .arguments = {77, 0}},
    {CALL(mq_open), .expected = EPERM, .arguments = {BAD, 0, 0, 0}},
    {CALL(mq_unlink), .expected = EPERM, .arguments = {BAD}},
#ifdef __x86_64__
    {CALL(iopl), .expected = EPERM, .arguments = {99}},
    {CALL(ioperm), .expected = EPERM, .arguments = {-1, -1, 0}},
    {CALL(modify_ldt), .expected = EPERM, .arguments = {99, 0, 0}},
#endif

    /* what the table does not know */
    {CALL(clone3), .expected = ENOSYS, .arguments = {BAD, 1}},
    {CALL(process_madvise), .expected = ENOSYS, .arguments = {-1, 0, 0, 0, 0}},
    {CALL(move_pages), .expected = ENOSYS, .arguments = {-1, 0, 0, 0, 0, 0}},
    {CALL(memfd_create), .expected = ENOSYS, .arguments = {BAD, -1}},
    {CALL(memfd_create), .options = MEMFD, .expected = SAME, .arguments = {BAD, -1}},
    {CALL(setpgid), .expected = SAME, .arguments = {-1, 0}},
    {CALL(setpgid), .options = SHARED, .expected = 0, .arguments = {-1, 0}},
    {CALL(setsid), .options = SHARED, .expected = 0},
    /* a length of 0 is EINVAL, where the filter lets it through */
    {CALL(mmap), .expected = EPERM, .arguments = {0, 0, 3, MAP_SHARED | MAP_ANONYMOUS, -1}},
    {CALL(mmap), .options = MEMFD, .expected = SAME,
     .arguments = {0, 0, 3, MAP_SHARED | MAP_ANONYMOUS, -1}},
    {CALL(mmap), .expected = SAME, .arguments = {0, 0, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1}},
    {CALL(mmap), .options = MEMFD, .expected = EPERM,
     .arguments = {0, 0, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1}},
    {CALL(mmap), .expected = EPERM,
     .arguments = {0, 0, 3, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | 21 << 26, -1}},
    {CALL(mmap), .expected = SAME, .arguments = {0, 0, 3, MAP_SHARED, 0}},

    /* clone: new namespaces by any of their bits, whatever else is set; upper bits do not help. The
     * control is refused for CLONE_THREAD without CLONE_SIGHAND, so that nothing is ever made. */
    {CALL(clone), .expected = EPERM, .arguments = {CLONE_THREAD | CLONE_NEWNS}},
    {CALL(clone), .expected = EPERM, .arguments = {CLONE_THREAD | CLONE_NEWUTS}},
    {CALL(clone), .expected = EPERM, .arguments = {CLONE_THREAD | CLONE_NEWIPC}},
    {CALL(clone), .expected = EPERM, .arguments = {CLONE_THREAD | CLONE_NEWUSER}},
    {CALL(clone), .expected = EPERM, .arguments = {CLONE_THREAD | CLONE_NEWPID}},
    {CALL(clone), .expected = EPERM, .arguments = {CLONE_THREAD | CLONE_NEWNET}},
    {CALL(clone), .expected = EPERM, .arguments = {CLONE_THREAD | CLONE_NEWCGROUP}},
    {CALL(clone), .expected = EPERM, .arguments = {CLONE_THREAD | CLONE_NEWNS | 0x700000000}},
    {CALL(clone), .expected = SAME, .arguments = {CLONE_THREAD}},
    {CALL(clone), .expected = SAME, .arguments = {CLONE_THREAD | CLONE_VM | CLONE_FS}},

    /* ioctl: typing into a terminal */
    {CALL(ioctl), .expected = EPERM, .arguments = {-1, TIOCSTI, BAD}},
    {CALL(ioctl), .expected = EPERM, .arguments = {-1, 0x700000000 | TIOCSTI, BAD}},
    {CALL(ioctl), .expected = EPERM, .arguments = {-1, TIOCLINUX, BAD}},
    {CALL(ioctl), .expected = SAME, .arguments = {-1, TCGETS, BAD}},

    /* ioctl: owners of a socket, interfaces and addresses, any number of that kind */
    {CALL(ioctl), .expected = EPERM, .arguments = {-1, FIOSETOWN, BAD}},
    {CALL(ioctl), .expected = EPERM, .arguments = {-1, SIOCSPGRP, BAD}},
    {CALL(ioctl), .expected = EPERM, .arguments = {-1, SIOCGIFCONF, BAD}},
    {CALL(ioctl), .expected = EPERM, .arguments = {-1, 0x700000000 | SIOCGIFHWADDR, BAD}},
    {CALL(ioctl), .expected = EPERM, .arguments = {-1, SIOCETHTOOL, BAD}},
    {CALL(ioctl), .expected = EPERM, .arguments = {-1, 0x89ff, BAD}},
    {CALL(ioctl), .expected = SAME, .arguments = {-1, 0x8aff, BAD}},
    {CALL(ioctl), .expected = SAME, .arguments = {-1, FIONREAD, BAD}},
    {CALL(ioctl), .expected = SAME, .arguments = {-1, SIOCOUTQ, BAD}},
    {CALL(ioctl), .expected = SAME, .arguments = {-1, FIOCLEX, BAD}},

    /* sockets */
    {CALL(socket), .expected = EPERM, .arguments = {AF_UNIX, -1, 0}},
    {CALL(socket), .options = UNIX, .expected = SAME, .arguments = {AF_UNIX, -1, 0}},
    {CALL(socket), .options = UNIX, .expected = EPERM, .arguments = {AF_INET, -1, 0}},
    {CALL(socket), .options = UNIX, .expected = EPERM, .arguments = {AF_INET6, -1, 0}},
    {CALL(socket), .options = UNIX, .expected = EPERM, .arguments = {AF_NETLINK, -1, 0}},
    {CALL(socket), .options = UNIX, .expected = EPERM, .arguments = {AF_PACKET, -1, 0}},
    {CALL(socket), .options = UNIX, .expected = EPERM, .arguments = {AF_VSOCK, -1, 0}},
    {CALL(socket), .options = UNIX, .expected = EPERM, .arguments = {AF_ALG, -1, 0}},
    {CALL(socket), .options = UNIX, .expected = EPERM, .arguments = {0x700000000 | AF_INET, -1, 0}},
    {CALL(socketpair), .expected = SAME, .arguments = {AF_UNIX, SOCK_STREAM, 0, BAD}},
    {CALL(socketpair), .expected = SAME, .arguments = {AF_UNIX, SOCK_SEQPACKET, 0, BAD}},
    {CALL(socketpair), .expected = SAME,
     .arguments = {AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, BAD}},
    {CALL(socketpair), .expected = EPERM, .arguments = {AF_UNIX, SOCK_DGRAM, 0, BAD}},
    {CALL(socketpair), .expected = EPERM,
     .arguments = {AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, BAD}},
    {CALL(socketpair), .expected = EPERM, .arguments = {AF_UNIX, SOCK_RAW, 0, BAD}},
    {CALL(socketpair), .expected = EPERM, .arguments = {AF_INET, SOCK_STREAM, 0, BAD}},
    {CALL(connect), .expected = EPERM, .arguments = {-1, BAD, 0}},
    {CALL(connect), .options = UNIX, .expected = SAME, .arguments = {-1, BAD, 0}},
    {CALL(bind), .expected = EPERM, .arguments = {-1, BAD, 0}},
    {CALL(bind), .options = UNIX, .expected = SAME, .arguments = {-1, BAD, 0}},
    {CALL(listen), .expected = EPERM, .arguments = {-1, 0}},
    {CALL(accept4), .expected = EPERM, .arguments = {-1, 0, 0, 0}},
    {CALL(setsockopt), .expected = 0, .arguments = {-1, SOL_SOCKET, SO_SNDBUF, BAD, 4}},
    {CALL(setsockopt), .expected = 0, .arguments = {-1, SOL_SOCKET, SO_RCVBUF, BAD, 4}},
    {CALL(setsockopt), .expected = 0,
     .arguments = {-1, 0x700000000 | SOL_SOCKET, 0x700000000 | SO_RCVBUF, BAD, 4}},
    {CALL(setsockopt), .options = MEMFD, .expected = SAME,
     .arguments = {-1, SOL_SOCKET, SO_SNDBUF, BAD, 4}},
    {CALL(setsockopt), .expected = SAME, .arguments = {-1, SOL_SOCKET, SO_RCVTIMEO, BAD, 16}},
    {CALL(sendmsg), .expected = SAME, .arguments = {-1, BAD, 0}},
    {CALL(recvmsg), .expected = SAME, .arguments = {-1, BAD, 0}},

    /* personality: the query alone */
    {CALL(personality), .expected = SAME, .arguments = {0xffffffff}},
    {CALL(personality), .expected = SAME, .arguments = {-1}},
    {CALL(personality), .expected = EPERM, .arguments = {0}},
    {CALL(personality), .expected = EPERM, .arguments = {0x0040000}}, /* ADDR_NO_RANDOMIZE */

    /* prctl */
    {CALL(prctl), .expected = SAME, .arguments = {PR_SET_DUMPABLE, 0}},
    {CALL(prctl), .expected = EPERM, .arguments = {PR_SET_DUMPABLE, 1}},
    {CALL(prctl), .expected = SAME, .arguments = {PR_GET_DUMPABLE}},
    {CALL(prctl), .expected = SAME, .arguments = {PR_SET_NAME, BAD}},
    {CALL(prctl), .expected = SAME, .arguments = {PR_GET_NAME, BAD}},
    {CALL(prctl), .expected = SAME, .arguments = {PR_SET_NO_NEW_PRIVS, 1}},
    {CALL(prctl), .expected = SAME, .arguments = {PR_CAPBSET_READ, 0}},
    {CALL(prctl), .expected = EPERM, .arguments = {PR_SET_SECCOMP, 99}},
    {CALL(prctl), .expected = EPERM, .arguments = {PR_MCE_KILL, 99}},
    {CALL(prctl), .expected = EPERM, .arguments = {PR_SET_PTRACER, -2}},
    {CALL(prctl), .expected = EPERM, .arguments = {PR_CAPBSET_DROP, 9999}},
    {CALL(prctl), .expected = EPERM, .arguments = {PR_SET_KEEPCAPS, 99}},

    /* a uid of one's own: signals and priorities are let through */
    {CALL(kill), .expected = SAME, .arguments = {0x7fffffff, 0}},
    {CALL(tgkill), .expected = SAME, .arguments = {0x7fffffff, 0x7fffffff, 0}},
    {CALL(pidfd_send_signal), .expected = SAME, .arguments = {-1, 0, 0, 0}},
    {CALL(prlimit64), .expected = SAME, .arguments = {0x7fffffff, RLIMIT_CORE, 0, 0}},
    {CALL(fcntl), .expected = SAME, .arguments = {-1, F_SETOWN, 1}},

    /* a shared uid: only to oneself */
    {CALL(kill), .options = SHARED, .expected = EPERM, .arguments = {0x7fffffff, 0}},
    {CALL(kill), .options = SHARED, .expected = EPERM, .arguments = {-0x7fffffff, 0}},
    {CALL(kill), .options = SHARED, .expected = SAME, .arguments = {OWN_PID, 0}},
    {CALL(kill), .options = SHARED, .expected = SAME, .arguments = {0, 0}},
    {CALL(tkill), .options = SHARED, .expected = EPERM, .arguments = {0x7fffffff, 0}},
    {CALL(tkill), .options = SHARED, .expected = SAME, .arguments = {OWN_PID, 0}},
    {CALL(tgkill), .options = SHARED, .expected = EPERM, .arguments = {0x7fffffff, 1, 0}},
    {CALL(tgkill), .options = SHARED, .expected = SAME, .arguments = {OWN_PID, OWN_PID, 0}},
    {CALL(rt_sigqueueinfo), .options = SHARED, .expected = EPERM,
     .arguments = {0x7fffffff, 0, BAD}},
    {CALL(rt_sigqueueinfo), .options = SHARED, .expected = SAME, .arguments = {OWN_PID, 0, BAD}},
    {CALL(rt_tgsigqueueinfo), .options = SHARED, .expected = EPERM,
     .arguments = {0x7fffffff, 1, 0, BAD}},
    {CALL(pidfd_send_signal), .options = SHARED, .expected = EPERM, .arguments = {-1, 0, 0, 0}},
    {CALL(prlimit64), .options = SHARED, .expected = EPERM,
     .arguments = {0x7fffffff, RLIMIT_CORE, 0, 0}},
    {CALL(prlimit64), .options = SHARED, .expected = SAME, .arguments = {0, RLIMIT_CORE, 0, 0}},
    {CALL(prlimit64), .options = SHARED, .expected = SAME,
     .arguments = {OWN_PID, RLIMIT_CORE, 0, 0}},
    {CALL(sched_setaffinity), .options = SHARED, .expected = EPERM,
     .arguments = {0x7fffffff, 8, BAD}},
    {CALL(sched_setaffinity), .options = SHARED, .expected = SAME, .arguments = {0, 8, BAD}},
    {CALL(sched_setscheduler), .options = SHARED, .expected = EPERM,
     .arguments = {0x7fffffff, -1, BAD}},
    {CALL(sched_setparam), .options = SHARED, .expected = EPERM, .arguments = {0x7fffffff, BAD}},
    {CALL(sched_setattr), .options = SHARED, .expected = EPERM, .arguments = {0x7fffffff, BAD, 1}},
    {CALL(setpriority), .options = SHARED, .expected = EPERM,
     .arguments = {PRIO_PROCESS, 0x7fffffff, 0}},
    {CALL(setpriority), .options = SHARED, .expected = EPERM,
     .arguments = {PRIO_USER, 0x7ffffffe, 0}},
    {CALL(setpriority), .options = SHARED, .expected = SAME, .arguments = {PRIO_PROCESS, 0, 0}},
    {CALL(ioprio_set), .options = SHARED, .expected = EPERM, .arguments = {99, 0, 0}},
    {CALL(fcntl), .options = SHARED, .expected = EPERM, .arguments = {-1, F_SETOWN, 1}},
    {CALL(fcntl), .options = SHARED, .expected = EPERM,
     .arguments = {-1, 0x700000000 | F_SETOWN, 1}},
    {CALL(fcntl), .options = SHARED, .expected = EPERM, .arguments = {-1, F_SETOWN_EX, BAD}},
    {CALL(fcntl), .options = SHARED, .expected = EPERM, .arguments = {-1, F_SETSIG, 1}},
    {CALL(fcntl), .options = SHARED, .expected = SAME, .arguments = {-1, F_GETFL, 0}},

    /* private files: what would open them to others does nothing */
    {CALL(fchmod), .options = PRIVATE, .expected = 0, .arguments = {-1, 0640}},
    {CALL(fchmod), .options = PRIVATE, .expected = 0, .arguments = {-1, 0701}},
    {CALL(fchmod), .options = PRIVATE, .expected = 0, .arguments = {-1, 0x700000004}},
    {CALL(fchmod), .options = PRIVATE, .expected = SAME, .arguments = {-1, 0700}},
    {CALL(fchmod), .options = PLAIN, .expected = SAME, .arguments = {-1, 0777}},
    {CALL(mknodat), .expected = EPERM, .arguments = {-1, BAD, 0020600}},
    {CALL(mknodat), .expected = EPERM, .arguments = {-1, BAD, 0x700000000 | 0060600}},
    {CALL(mknodat), .expected = SAME, .arguments = {-1, BAD, 0010600}},

    /* files of others that have the script's uid: nothing of them changes, by name or descriptor */
    {CALL(fchmod), .options = FILES, .expected = 0, .arguments = {-1, 0700}},
    {CALL(fchmod), .options = FILES, .expected = 0, .arguments = {-1, 0}},
    {CALL(fchmodat), .options = FILES, .expected = 0, .arguments = {-1, BAD, 0600}},
    {CALL(fchmodat2), .options = FILES, .expected = 0, .arguments = {-1, BAD, 0600, 0}},
    {CALL(utimensat), .options = FILES, .expected = 0, .arguments = {-1, BAD, 0, 0}},
    {CALL(fsetxattr), .options = FILES, .expected = 0, .arguments = {-1, BAD, 0, 0, 0}},
    {CALL(fchown), .options = FILES, .expected = EPERM, .arguments = {-1, 0, 0}},
    {CALL(fremovexattr), .options = FILES, .expected = EPERM, .arguments = {-1, BAD}},
    {CALL(ioctl), .options = FILES, .expected = EPERM, .arguments = {-1, FS_IOC_SETFLAGS, BAD}},
    {CALL(ioctl), .options = FILES, .expected = EPERM, .arguments = {-1, FS_IOC_SETVERSION, BAD}},
    {CALL(ioctl), .options = FILES, .expected = EPERM, .arguments = {-1, FS_IOC_FSSETXATTR, BAD}},
    {CALL(ioctl), .options = FILES, .expected = EPERM,
     .arguments = {-1, FS_IOC_ENABLE_VERITY, BAD}},
    {CALL(ioctl), .options = FILES, .expected = SAME, .arguments = {-1, FS_IOC_GETFLAGS, BAD}},
    {CALL(ioctl), .options = PRIVATE, .expected = SAME, .arguments = {-1, FS_IOC_SETFLAGS, BAD}},
    {CALL(utimensat), .options = PRIVATE, .expected = SAME, .arguments = {-1, BAD, 0, 0}},

    /* a Landlock without a rule for truncating */
    {CALL(truncate), .options = TRUNCATE, .expected = EPERM, .arguments = {BAD, 0}},
    {CALL(truncate), .options = FILES, .expected = SAME, .arguments = {BAD, 0}},
    {CALL(openat), .options = TRUNCATE, .expected = EPERM, .arguments = {-1, BAD, O_TRUNC}},
    {CALL(openat), .options = TRUNCATE, .expected = EPERM, .arguments = {-1, BAD, O_TRUNC | 3}},
    {CALL(openat), .options = TRUNCATE, .expected = EPERM,
     .arguments = {-1, BAD, 0x700000000 | O_TRUNC | O_CREAT}},
    {CALL(openat), .options = TRUNCATE, .expected = SAME,
     .arguments = {-1, BAD, O_TRUNC | O_WRONLY}},
    {CALL(openat), .options = TRUNCATE, .expected = SAME, .arguments = {-1, BAD, O_TRUNC | O_RDWR}},
    {CALL(openat), .options = TRUNCATE, .expected = SAME, .arguments = {-1, BAD, 3}},
    {CALL(openat2), .options = TRUNCATE, .expected = ENOSYS, .arguments = {-1, BAD, 0, 0}},
    {CALL(ftruncate), .options = TRUNCATE, .expected = SAME, .arguments = {-1, 0}},
#ifdef __x86_64__
    {CALL(open), .options = TRUNCATE, .expected = EPERM, .arguments = {BAD, O_TRUNC}},
    {CALL(open), .options = TRUNCATE, .expected = EPERM, .arguments = {BAD, O_TRUNC | 3}},
    {CALL(open), .options = TRUNCATE, .expected = SAME, .arguments = {BAD, O_TRUNC | O_WRONLY}},
#endif

    /* private files, as before */
    {CALL(fchmodat), .options = PRIVATE, .expected = 0, .arguments = {-1, BAD, 0604}},
    {CALL(fchmodat), .options = PRIVATE, .expected = SAME, .arguments = {-1, BAD, 0600}},
    {CALL(fsetxattr), .options = PRIVATE, .expected = 0, .arguments = {-1, BAD, BAD, 0, 0}},
    {CALL(fsetxattr), .options = PLAIN, .expected = SAME, .arguments = {-1, BAD, BAD, 0, 0}},
    {CALL(setxattr), .options = PRIVATE, .expected = 0, .arguments = {BAD, BAD, BAD, 0, 0}},
    {CALL(lsetxattr), .options = PRIVATE, .expected = 0, .arguments = {BAD, BAD, BAD, 0, 0}},

    /* what programs need */
    {CALL(read), .expected = SAME, .arguments = {-1, 0, 0}},
    {CALL(openat), .expected = SAME, .arguments = {-1, BAD, 0, 0}},
    {CALL(openat2), .expected = SAME, .arguments = {-1, BAD, 0, 0}},
    {CALL(statx), .expected = SAME, .arguments = {-1, BAD, 0, 0, 0}},
    {CALL(close_range), .expected = SAME, .arguments = {5, 4, 0}},
    {CALL(copy_file_range), .expected = SAME, .arguments = {-1, 0, -1, 0, 1, 0}},
    {CALL(sendfile), .expected = SAME, .arguments = {-1, -1, 0, 1}},
    {CALL(splice), .expected = SAME, .arguments = {-1, 0, -1, 0, 1, 0}},
    {CALL(fallocate), .expected = SAME, .arguments = {-1, 0, 0, 1}},
    {CALL(flock), .expected = SAME, .arguments = {-1, 1}},
    {CALL(renameat2), .expected = SAME, .arguments = {-1, BAD, -1, BAD, 0}},
    {CALL(futex_waitv), .expected = SAME, .arguments = {BAD, 0, 0, 0, 0}},
    {CALL(membarrier), .expected = SAME, .arguments = {0, 0, 0}},
    {CALL(rseq), .expected = SAME, .arguments = {BAD, 0, -1, 0}},
    {CALL(set_robust_list), .expected = SAME, .arguments = {0, 0}},
    {CALL(getrandom), .expected = SAME, .arguments = {BAD, 0, -1}},
    {CALL(mincore), .expected = SAME, .arguments = {BAD, 0, 0}},
    {CALL(mremap), .expected = SAME, .arguments = {BAD, 0, 0, 0, 0}},
    {CALL(mlock), .expected = SAME, .arguments = {0, 0}},
    {CALL(sched_getaffinity), .expected = SAME, .arguments = {0, 0, 0}},
    {CALL(sched_yield), .expected = SAME},
    {CALL(eventfd2), .expected = SAME, .arguments = {0, -1}},
    {CALL(signalfd4), .expected = SAME, .arguments = {-1, BAD, 0, 0}},
    {CALL(timerfd_create), .expected = SAME, .arguments = {-1, 0}},
    {CALL(epoll_create1), .expected = SAME, .arguments = {-1}},
    {CALL(epoll_pwait2), .expected = SAME, .arguments = {-1, 0, 0, 0, 0, 0}},
    {CALL(pidfd_open), .expected = SAME, .arguments = {-1, 0}},
    /* Watches are on inodes that all sandboxes and the host share. */
    {CALL(inotify_init1), .expected = ENOSYS},
    /* Rules are memory of the kernel's, as many as one likes. */
    {CALL(landlock_create_ruleset), .expected = ENOSYS, .arguments = {BAD, 0, -1}},
    /* A pipe would hold pages, huge ones too, that no process has any more. */
    {CALL(vmsplice), .expected = ENOSYS, .arguments = {-1, 0, 0, 0}},
    {CALL(execve), .expected = SAME, .arguments = {BAD, 0, 0}},
    {CALL(execveat), .expected = SAME, .arguments = {-1, BAD, 0, 0, 0}},
    {CALL(wait4), .expected = SAME, .arguments = {-1, 0, 0, 0}},
    {CALL(waitid), .expected = SAME, .arguments = {99, 0, 0, 0, 0}},
    {CALL(setrlimit), .expected = SAME, .arguments = {99, BAD}},
    {CALL(sysinfo), .expected = SAME, .arguments = {BAD}},
    {CALL(setsid), .expected = SAME},
    {CALL(fgetxattr), .expected = SAME, .arguments = {-1, BAD, 0, 0}},
};

static struct seccomp_options options_of(unsigned bits) {
    return (struct seccomp_options){.unix_sockets = bits & UNIX,
                                    .memfd = bits & MEMFD,
                                    .shared_uid = bits & SHARED,
                                    .keep_private = bits & (PRIVATE | FILES),
                                    .shared_files = bits & FILES,
                                    .loose_truncate = bits & TRUNCATE};
}

static struct seccomp_program compiled(unsigned bits) {
    struct seccomp_options options = options_of(bits);
    struct seccomp_program program;
    assert_int_equal(seccomp_compile(&options, &program), 0);
    return program;
}

#endif
