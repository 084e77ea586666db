/*
 * keeper: with a uid of its own, a run is killed by kill(-1) as that uid; with the service's, by
 * going through this process's children until there is none: every orphan becomes one.
 */
#include "keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "raw_syscall.h"
#include "sandbox.h"

/* The kernel's own set of signals. */
typedef uint64_t signal_set;
#define SIGNAL_BIT(number) (UINT64_C(1) << ((number)-1))

/* From the zygote, or from the kernel when the zygote is gone. The zygote has it blocked when it
 * makes an init, so that it cannot come too early. */
#define END_IT KEEPER_END_SIGNAL

void keeper_begin(void) {
    const signal_set all = ~UINT64_C(0);
    /* Blocked, they wait to be taken by wait_for_signal; SIGCHLD too, which is not ignored then. */
    raw_syscall(SYS_rt_sigprocmask, SIG_SETMASK, (long)&all, 0, sizeof(all));
    raw_syscall(SYS_prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0);
    raw_syscall(SYS_prctl, PR_SET_PDEATHSIG, END_IT, 0, 0);
}

/* Takes what has ended. False when there is no child any more. */
static bool reap(struct slot *slot, long worker) {
    int status = 0;
    for (;;) {
        long pid = raw_syscall(SYS_wait4, -1, (long)&status, WNOHANG | __WALL, 0);
        if (pid == worker) {
            slot->main_status = status;
            atomic_store(&slot->status_known, true);
        }
        if (pid == 0)
            return true;
        if (pid < 0 && pid != -EINTR)
            return false;
    }
}

/* A child has ended, or all shall: the number of the signal. */
static long wait_for_signal(void) {
    const signal_set wanted = SIGNAL_BIT(SIGCHLD) | SIGNAL_BIT(END_IT);
    return raw_syscall(SYS_rt_sigtimedwait, (long)&wanted, 0, 0, sizeof(wanted));
}

static void wait_a_moment(void) {
    const struct timespec moment = {.tv_nsec = 200000};
    raw_syscall(SYS_nanosleep, (long)&moment, 0, 0, 0);
}

/* The effective uid is the slot's for as long as this kills; the real one is nobody's, so that no
 * script can signal this process and it signals no other script. Root's uid stays in the saved set,
 * to come back; without effective uid 0 no capability is in force. A process of the slot always has
 * an ancestor that is a child of this one: without children, none lives. */
static void kill_as_slot(struct slot *slot, long worker) {
    const long keeper = (long)sandbox_keeper_uid(slot->sandbox, slot->index);
    long r = raw_syscall(SYS_setresuid, keeper, (long)slot->uid, 0, 0);
    while (r == 0 && reap(slot, worker)) {
        raw_syscall(SYS_kill, -1, SIGKILL, 0, 0);
        if (reap(slot, worker))
            wait_a_moment();
    }
    if (r != 0 || raw_syscall(SYS_setresuid, 0, 0, 0, 0) != 0)
        atomic_store(&slot->dirty, true);
}

/* Kills each process that the file lists: "12 345 ". */
static void kill_listed(int fd) {
    char text[512] = {0};
    long pid = 0, size;
    while ((size = raw_syscall(SYS_read, fd, (long)text, sizeof(text), 0)) > 0)
        for (long i = 0; i < size; i++)
            if (text[i] >= '0' && text[i] <= '9') {
                pid = pid * 10 + (text[i] - '0');
            } else if (pid > 1) {
                raw_syscall(SYS_kill, pid, SIGKILL, 0, 0);
                pid = 0;
            }
}

/* Writes "PID/task/PID/children" of this process. */
static void children_path(char *ret_path) {
    char digits[12], *at = ret_path;
    int count = 0;
    for (long pid = raw_syscall(SYS_getpid, 0, 0, 0, 0); pid > 0; pid /= 10)
        digits[count++] = (char)('0' + pid % 10);
    for (int part = 0; part < 2; part++) {
        for (int i = count; i > 0;)
            *at++ = digits[--i];
        const char *text = part == 0 ? "/task/" : "/children";
        while (*text)
            *at++ = *text++;
    }
    *at = 0;
}

/* A process that forks and leaves at once may be missed, but not for long: what it leaves is listed
 * next time, and this is faster than a fork. */
static void kill_children(struct slot *slot, long worker) {
    char path[64];
    children_path(path);
    while (reap(slot, worker)) {
        long fd = raw_syscall(SYS_openat, slot->sandbox->proc_fd, (long)path, O_RDONLY, 0);
        if (fd < 0) {
            atomic_store(&slot->dirty, true);
            return;
        }
        kill_listed((int)fd);
        raw_syscall(SYS_close, fd, 0, 0, 0);
    }
}

void keeper_end(struct slot *slot, long worker) {
    while (worker > 0 && reap(slot, worker) && !atomic_load(&slot->status_known))
        if (wait_for_signal() == END_IT) {
            raw_syscall(SYS_kill, worker, SIGKILL, 0, 0);
            break;
        }
    if (slot->sandbox->plan.unique_uid)
        kill_as_slot(slot, worker);
    else
        kill_children(slot, worker);
    if (!slot->sandbox->places.private_root && places_clear(slot) < 0)
        atomic_store(&slot->dirty, true);
}
