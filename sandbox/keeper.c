/*
 * keeper: with a uid of its own, a run is killed by kill(-1) as that uid; with the service's, as
 * the process group that it cannot leave.
 */
#include "keeper.h"

#include <errno.h>
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

/* One signal to all reaches all: who has a SIGKILL pending makes no others. They are not children
 * of this process, so that when they have gone is not known; none comes back to its own code. */
void keeper_end_strays(struct slot *slot) {
    const long keeper = (long)sandbox_keeper_uid(slot->sandbox, slot->index);
    long r = raw_syscall(SYS_setresuid, keeper, (long)slot->uid, 0, 0);
    if (r == 0)
        r = raw_syscall(SYS_kill, -1, SIGKILL, 0, 0);
    wait_a_moment();
    if (r != 0 || raw_syscall(SYS_setresuid, 0, 0, 0, 0) != 0)
        atomic_store(&slot->dirty, true);
}

/* All that the worker made is in its process group: the filter of a shared uid lets none leave it.
 * A process with a signal pending makes no others, so that one signal to the group is enough, and
 * as long as there is a child its number is taken. */
static void kill_group(struct slot *slot, long worker) {
    while (reap(slot, worker)) {
        raw_syscall(SYS_kill, -worker, SIGKILL, 0, 0);
        wait_a_moment();
    }
}

void keeper_end(struct slot *slot, long worker) {
    while (worker > 0 && reap(slot, worker) && !atomic_load(&slot->status_known))
        if (wait_for_signal() == END_IT) {
            /* Its group at once (linger.h), if it has made one already. */
            raw_syscall(SYS_kill, -worker, SIGKILL, 0, 0);
            raw_syscall(SYS_kill, worker, SIGKILL, 0, 0);
            break;
        }
    if (slot->sandbox->plan.unique_uid)
        kill_as_slot(slot, worker);
    else
        kill_group(slot, worker);
    if (!slot->sandbox->places.private_root && places_clear(slot) < 0)
        atomic_store(&slot->dirty, true);
}
