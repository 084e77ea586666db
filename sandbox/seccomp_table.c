/*
 * seccomp_table: which system calls a script may make. Made from what CPython, numpy, pandas,
 * scipy, scikit-learn, matplotlib, sqlite3, subprocess, multiprocessing and asyncio use. Data only:
 * what the columns mean is in the header, how they become filters is in seccomp_program.c and
 * seccomp_worker.c.
 *
 * An int argument reaches the kernel as its low 32 bits. So a refusal looks at those alone
 * (LOW_INT, ANY_BIT), and an allowance wants the upper bits to be zero (EQUAL).
 */
#include "seccomp_table.h"

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
#include <sys/stat.h>

/* clang-format off */
#define EQUAL(number, wanted) {.test = TEST_EQUAL, .argument = (number), .value = (wanted)}
#define MASKED(number, bits, wanted) \
    {.test = TEST_MASKED, .argument = (number), .value = (wanted), .mask = (bits)}
#define LOW_INT(number, wanted) MASKED(number, 0xffffffffu, wanted)
#define ANY_BIT(number, bits) {.test = TEST_ANY_BIT, .argument = (number), .mask = (bits)}
#define LACKS_BIT(number, bits) {.test = TEST_LACKS_BIT, .argument = (number), .mask = (bits)}

#define FORBID(when, error, calls, ...) {STEP_FORBID, error, when, calls, {__VA_ARGS__}}
#define ALLOW(calls) {STEP_ALLOW, 0, WHEN_ALWAYS, calls, {{0}}}
#define ALLOW_WHEN(when, calls) {STEP_ALLOW, 0, when, calls, {{0}}}
#define ALLOW_IF(when, calls, ...) {STEP_ALLOW, 0, when, calls, {__VA_ARGS__}}
#define OTHERWISE(error, calls) {STEP_OTHERWISE, error, WHEN_ALWAYS, calls, {{0}}}
/* clang-format on */
#define PRCTL(option) ALLOW_IF(WHEN_ALWAYS, "prctl", EQUAL(0, option))

#define NEW_NAMESPACES                                                                             \
    ((uint32_t)CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |       \
     CLONE_NEWPID | CLONE_NEWNET)
#define SOCKET_TYPE (~(uint64_t)(SOCK_CLOEXEC | SOCK_NONBLOCK))
#define OTHERS_MODE 0077u /* group and other */
#define SOCKET_IOCTLS 0xffffff00u

const struct seccomp_row seccomp_table[] = {
    /* ---- 1. arguments that are never let through ---- */

    FORBID(WHEN_ALWAYS, EPERM, "clone", ANY_BIT(0, NEW_NAMESPACES)),
    FORBID(WHEN_ALWAYS, EPERM, "ioctl", LOW_INT(1, TIOCSTI)),
    FORBID(WHEN_ALWAYS, EPERM, "ioctl", LOW_INT(1, TIOCLINUX)),

    /* 0x89xx, which name interfaces, addresses and owners of a socket: they need no socket that the
     * network has made, and answer for the namespace of the caller. */
    FORBID(WHEN_ALWAYS, EPERM, "ioctl", MASKED(1, SOCKET_IOCTLS, SIOCSPGRP &SOCKET_IOCTLS)),

    /* Pages that no process is charged with, nor a cgroup of memory. */
    FORBID(WHEN_ALWAYS, EPERM, "mmap", ANY_BIT(3, MAP_HUGETLB)),

    /* What waits in a socket belongs to no process: 200 KB by default, 8 MB if a script may ask. */
    FORBID(UNLESS_MEMFD, 0, "setsockopt", LOW_INT(1, SOL_SOCKET), LOW_INT(2, SO_SNDBUF)),
    FORBID(UNLESS_MEMFD, 0, "setsockopt", LOW_INT(1, SOL_SOCKET), LOW_INT(2, SO_RCVBUF)),

    /* Memory that belongs to several processes at once cannot be told from the interpreter's. */
    FORBID(UNLESS_MEMFD, EPERM, "mmap",
           MASKED(3, MAP_TYPE | MAP_ANONYMOUS, MAP_SHARED | MAP_ANONYMOUS)),

    /* A signal by way of O_ASYNC reaches every process of the uid (by ioctl: see 0x89xx). */
    FORBID(WHEN_SHARED_UID, EPERM, "fcntl", LOW_INT(1, F_SETOWN)),
    FORBID(WHEN_SHARED_UID, EPERM, "fcntl", LOW_INT(1, F_SETOWN_EX)),
    FORBID(WHEN_SHARED_UID, EPERM, "fcntl", LOW_INT(1, F_SETSIG)),
    FORBID(WHEN_SHARED_UID, EPERM, "fcntl", LOW_INT(1, F_SETLEASE)),

    /* A run is ended as the process group that it began in. */
    FORBID(WHEN_SHARED_UID, 0, "setsid setpgid", {0}),

    /* Files stay private: the umask is 077 and stays so, which covers open, mkdir and mknod.
     * An ACL is set by an attribute whose name a filter cannot read, so none is set. */
    FORBID(WHEN_KEEP_PRIVATE, 0, "umask", LACKS_BIT(0, OTHERS_MODE)),
    FORBID(WHEN_KEEP_PRIVATE_ONLY, 0, "chmod", ANY_BIT(1, OTHERS_MODE)),
    FORBID(WHEN_KEEP_PRIVATE_ONLY, 0, "fchmod", ANY_BIT(1, OTHERS_MODE)),
    FORBID(WHEN_KEEP_PRIVATE_ONLY, 0, "fchmodat", ANY_BIT(2, OTHERS_MODE)),
    FORBID(WHEN_KEEP_PRIVATE_ONLY, 0, "fchmodat2", ANY_BIT(2, OTHERS_MODE)),
    FORBID(WHEN_KEEP_PRIVATE_ONLY, 0, "setxattr lsetxattr fsetxattr setxattrat", {0}),

    /* Landlock has no rule for what is not a file's contents or name, landlock(7), and takes a
     * descriptor of no access (flags 3) for harmless. Where what lies beside a script's own files
     * has its uid, so nothing of its own can be told apart either: modes and times stay as they
     * are. That succeeds, as most who copy a file want it to. */
    FORBID(WHEN_SHARED_FILES, 0, "chmod fchmod fchmodat fchmodat2", {0}),
    FORBID(WHEN_SHARED_FILES, 0, "utime utimes futimesat utimensat", {0}),
    FORBID(WHEN_SHARED_FILES, 0, "setxattr lsetxattr fsetxattr setxattrat", {0}),
    FORBID(WHEN_SHARED_FILES, EPERM, "chown fchown lchown fchownat", {0}),
    FORBID(WHEN_SHARED_FILES, EPERM, "removexattr lremovexattr fremovexattr", {0}),
    FORBID(WHEN_SHARED_FILES, EPERM, "ioctl", LOW_INT(1, FS_IOC_SETFLAGS)),
    FORBID(WHEN_SHARED_FILES, EPERM, "ioctl", LOW_INT(1, FS_IOC_SETVERSION)),
    FORBID(WHEN_SHARED_FILES, EPERM, "ioctl", LOW_INT(1, FS_IOC_FSSETXATTR)),
    FORBID(WHEN_SHARED_FILES, EPERM, "ioctl", LOW_INT(1, FS_IOC_ENABLE_VERITY)),
    FORBID(WHEN_SHARED_FILES, EPERM, "ioctl", LOW_INT(1, FS_IOC_SET_ENCRYPTION_POLICY)),

    /* Before its third ABI Landlock lets everybody truncate what the modes allow. Opening for
     * writing it has always looked at. */
    FORBID(WHEN_LOOSE_TRUNCATE, EPERM, "truncate", {0}),
    FORBID(WHEN_LOOSE_TRUNCATE, EPERM, "open", MASKED(1, O_TRUNC | O_ACCMODE, O_TRUNC)),
    FORBID(WHEN_LOOSE_TRUNCATE, EPERM, "open", MASKED(1, O_TRUNC | O_ACCMODE, O_TRUNC | O_ACCMODE)),
    FORBID(WHEN_LOOSE_TRUNCATE, EPERM, "openat", MASKED(2, O_TRUNC | O_ACCMODE, O_TRUNC)),
    FORBID(WHEN_LOOSE_TRUNCATE, EPERM, "openat",
           MASKED(2, O_TRUNC | O_ACCMODE, O_TRUNC | O_ACCMODE)),
    FORBID(WHEN_LOOSE_TRUNCATE, ENOSYS, "openat2", {0}), /* its flags are in memory */

    /* A kernel asks for CAP_MKNOD; gVisor of 2022 does not. */
    FORBID(WHEN_ALWAYS, EPERM, "mknod", MASKED(1, S_IFMT, S_IFCHR)),
    FORBID(WHEN_ALWAYS, EPERM, "mknod", MASKED(1, S_IFMT, S_IFBLK)),
    FORBID(WHEN_ALWAYS, EPERM, "mknodat", MASKED(2, S_IFMT, S_IFCHR)),
    FORBID(WHEN_ALWAYS, EPERM, "mknodat", MASKED(2, S_IFMT, S_IFBLK)),

    /* Would wait for the disks of the whole machine; a script has none. */
    FORBID(WHEN_ALWAYS, 0, "sync syncfs", {0}),

    /* ---- 2. what may be done ---- */

    /* files: contents */
    ALLOW("read write readv writev pread64 pwrite64 preadv pwritev preadv2 pwritev2 lseek close"),
    ALLOW("close_range open openat openat2 creat truncate ftruncate fallocate fadvise64 readahead"),
    ALLOW("copy_file_range sendfile splice tee fsync fdatasync sync_file_range"),
    ALLOW("flock fcntl dup dup2 dup3 pipe pipe2 ioctl"),

    /* files: names and attributes */
    ALLOW("stat fstat lstat newfstatat statx statfs fstatfs access faccessat faccessat2"),
    ALLOW("getdents getdents64 getcwd chdir fchdir mkdir mkdirat rmdir unlink unlinkat"),
    ALLOW("rename renameat renameat2 link linkat symlink symlinkat readlink readlinkat"),
    ALLOW("mknod mknodat chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat umask"),
    ALLOW("utime utimes futimesat utimensat"),
    ALLOW("getxattr lgetxattr fgetxattr listxattr llistxattr flistxattr"),
    ALLOW("setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr"),

    /* memory */
    ALLOW("brk mmap munmap mprotect mremap madvise msync mincore membarrier"),
    ALLOW("mlock mlock2 munlock mlockall munlockall"),
    ALLOW_WHEN(WHEN_MEMFD, "memfd_create"),

    /* waiting */
    ALLOW("poll ppoll select pselect6 epoll_create epoll_create1 epoll_ctl epoll_wait"),
    ALLOW("epoll_pwait epoll_pwait2 eventfd eventfd2 signalfd signalfd4"),
    ALLOW("timerfd_create timerfd_settime timerfd_gettime"),
    ALLOW("futex futex_waitv futex_wait futex_wake futex_requeue set_robust_list get_robust_list"),
    ALLOW("nanosleep clock_nanosleep pause sched_yield"),

    /* time and chance */
    ALLOW("time gettimeofday clock_gettime clock_getres times getrusage getrandom"),
    ALLOW("alarm getitimer setitimer"),
    ALLOW("timer_create timer_settime timer_gettime timer_getoverrun timer_delete"),

    /* processes and threads */
    ALLOW("clone fork vfork execve execveat exit exit_group wait4 waitid pidfd_open"),
    ALLOW("set_tid_address rseq arch_prctl restart_syscall getcpu"),
    ALLOW("getpid getppid gettid getpgid setpgid getpgrp getsid setsid"),
    ALLOW("getuid geteuid getgid getegid getresuid getresgid getgroups capget capset"),
    ALLOW("setuid setgid setreuid setregid setresuid setresgid setfsuid setfsgid setgroups"),
    ALLOW("getrlimit setrlimit getpriority ioprio_get"),
    ALLOW("sched_getaffinity sched_getparam sched_getscheduler sched_getattr"),
    ALLOW("sched_get_priority_max sched_get_priority_min sched_rr_get_interval"),
    ALLOW("uname sysinfo"),
    ALLOW_IF(WHEN_ALWAYS, "personality", LOW_INT(0, 0xffffffffu)), /* the query */

    /* signals */
    ALLOW("rt_sigaction rt_sigprocmask rt_sigpending rt_sigsuspend rt_sigtimedwait rt_sigreturn"),
    ALLOW("sigaltstack"),

    /* what reaches other processes of the uid */
    ALLOW_WHEN(UNLESS_SHARED_UID, "kill tkill tgkill rt_sigqueueinfo rt_tgsigqueueinfo"),
    ALLOW_WHEN(UNLESS_SHARED_UID, "pidfd_send_signal prlimit64 setpriority ioprio_set"),
    ALLOW_WHEN(UNLESS_SHARED_UID, "sched_setaffinity sched_setparam sched_setscheduler"),
    ALLOW_WHEN(UNLESS_SHARED_UID, "sched_setattr"),
    ALLOW_IF(WHEN_SHARED_UID, "kill tkill tgkill rt_sigqueueinfo rt_tgsigqueueinfo",
             EQUAL(0, SECCOMP_OWN_PID)),
    ALLOW_IF(WHEN_SHARED_UID, "kill", EQUAL(0, 0)), /* the group, which is the worker's own */
    ALLOW_IF(WHEN_SHARED_UID,
             "prlimit64 sched_setaffinity sched_setparam sched_setscheduler sched_setattr",
             EQUAL(0, SECCOMP_OWN_PID)),
    ALLOW_IF(WHEN_SHARED_UID,
             "prlimit64 sched_setaffinity sched_setparam sched_setscheduler sched_setattr",
             EQUAL(0, 0)),
    ALLOW_IF(WHEN_SHARED_UID, "setpriority", EQUAL(0, PRIO_PROCESS), EQUAL(1, 0)),
    ALLOW_IF(WHEN_SHARED_UID, "setpriority", EQUAL(0, PRIO_PROCESS), EQUAL(1, SECCOMP_OWN_PID)),

    /* sockets: no network, and names only where they are private */
    ALLOW_IF(WHEN_UNIX_SOCKETS, "socket", EQUAL(0, AF_UNIX)),
    ALLOW_WHEN(WHEN_UNIX_SOCKETS, "bind listen connect accept accept4"),
    ALLOW_IF(WHEN_ALWAYS, "socketpair", EQUAL(0, AF_UNIX), MASKED(1, SOCKET_TYPE, SOCK_STREAM)),
    ALLOW_IF(WHEN_ALWAYS, "socketpair", EQUAL(0, AF_UNIX), MASKED(1, SOCKET_TYPE, SOCK_SEQPACKET)),
    ALLOW("sendto recvfrom sendmsg recvmsg sendmmsg recvmmsg shutdown"),
    ALLOW("getsockname getpeername getsockopt setsockopt"),

    /* prctl: questions, names, and what only takes rights away */
    PRCTL(PR_SET_PDEATHSIG),
    PRCTL(PR_GET_PDEATHSIG),
    PRCTL(PR_GET_DUMPABLE),
    ALLOW_IF(WHEN_ALWAYS, "prctl", EQUAL(0, PR_SET_DUMPABLE), EQUAL(1, 0)),
    PRCTL(PR_GET_KEEPCAPS),
    PRCTL(PR_GET_TIMING),
    PRCTL(PR_SET_NAME),
    PRCTL(PR_GET_NAME),
    PRCTL(PR_GET_SECCOMP),
    PRCTL(PR_CAPBSET_READ),
    PRCTL(PR_GET_SECUREBITS),
    PRCTL(PR_SET_TIMERSLACK),
    PRCTL(PR_GET_TIMERSLACK),
    PRCTL(PR_GET_CHILD_SUBREAPER),
    PRCTL(PR_SET_NO_NEW_PRIVS),
    PRCTL(PR_GET_NO_NEW_PRIVS),
    PRCTL(PR_GET_TID_ADDRESS),
    PRCTL(PR_SET_THP_DISABLE),
    PRCTL(PR_GET_THP_DISABLE),
    PRCTL(PR_GET_SPECULATION_CTRL),
    PRCTL(PR_SVE_GET_VL),
    PRCTL(PR_GET_TAGGED_ADDR_CTRL),
    PRCTL(PR_SET_VMA),

    /* ---- 3. what is refused by name ---- */

    OTHERWISE(EPERM, "socket socketpair bind listen connect accept accept4 prctl personality"),
    OTHERWISE(EPERM, "kill tkill tgkill rt_sigqueueinfo rt_tgsigqueueinfo pidfd_send_signal"),
    OTHERWISE(EPERM, "prlimit64 setpriority ioprio_set"),
    OTHERWISE(EPERM, "sched_setaffinity sched_setparam sched_setscheduler sched_setattr"),
    OTHERWISE(EPERM, "ptrace process_vm_readv process_vm_writev pidfd_getfd kcmp"),
    OTHERWISE(EPERM, "seccomp keyctl add_key request_key bpf perf_event_open userfaultfd"),
    OTHERWISE(EPERM, "io_uring_setup io_uring_enter io_uring_register"),
    OTHERWISE(EPERM, "unshare setns chroot pivot_root mount umount umount2 mount_setattr"),
    OTHERWISE(EPERM, "fsopen fsconfig fsmount fspick open_tree move_mount"),
    OTHERWISE(EPERM, "name_to_handle_at open_by_handle_at fanotify_init fanotify_mark"),
    OTHERWISE(EPERM, "kexec_load kexec_file_load init_module finit_module delete_module"),
    OTHERWISE(EPERM, "settimeofday stime clock_settime clock_adjtime adjtimex"),
    OTHERWISE(EPERM, "swapon swapoff reboot sethostname setdomainname vhangup syslog"),
    OTHERWISE(EPERM, "acct quotactl quotactl_fd iopl ioperm modify_ldt"),
    OTHERWISE(EPERM, "shmget shmat shmctl shmdt semget semop semtimedop semctl"),
    OTHERWISE(EPERM, "msgget msgsnd msgrcv msgctl"),
    OTHERWISE(EPERM, "mq_open mq_unlink mq_timedsend mq_timedreceive mq_notify mq_getsetattr"),
    /* glibc falls back to clone, whose flags a filter can read, on ENOSYS only. */
    OTHERWISE(ENOSYS, "clone3 memfd_create"),
};

const size_t seccomp_table_size = sizeof(seccomp_table) / sizeof(seccomp_table[0]);

/* What is allowed above is not repeated, but what some variant of the rows above refuses is. */
const struct seccomp_setup seccomp_setup[] = {
    /* zygote: an init in a pid namespace of its own. Inits: a table of descriptors of their own. */
    {WHEN_ALWAYS, "clone unshare", {0}},
    {WHEN_KEEPER, "prctl", EQUAL(0, PR_SET_CHILD_SUBREAPER)},

    /* signals to workers; directories that a script has closed are opened to be cleared */
    {WHEN_ALWAYS, "kill fchmod fchmodat", {0}},

    /* worker, in the order of its steps */
    {WHEN_ALWAYS, "setsid setns sethostname mount umask chmod", {0}},
    {WHEN_ALWAYS, "landlock_create_ruleset landlock_add_rule landlock_restrict_self", {0}},
    {WHEN_ALWAYS, "seccomp", {0}},
};

const size_t seccomp_setup_size = sizeof(seccomp_setup) / sizeof(seccomp_setup[0]);
