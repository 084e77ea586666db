/* urgency: see urgency.h. */
#include "urgency.h"

#include <errno.h>
#include <linux/sched.h>
#include <linux/sched/types.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SHORT_NS UINT64_C(100000) /* the least that the kernel gives; the default is 1 to 3 ms */
#define LONG_NS UINT64_C(20000000)

/* The call also sets how nice one is: as it was. */
static int set(uint32_t policy, uint64_t slice_ns) {
    struct sched_attr wanted = {.size = sizeof(wanted),
                                .sched_policy = policy,
                                .sched_nice = getpriority(PRIO_PROCESS, 0),
                                .sched_runtime = slice_ns};
    return syscall(SYS_sched_setattr, 0, &wanted, 0) < 0 ? -errno : 0;
}

static bool was_chosen(void) {
    return syscall(SYS_sched_getscheduler, 0) != SCHED_NORMAL;
}

int urgency_raise(void) {
    return was_chosen() ? -EBUSY : set(SCHED_NORMAL, SHORT_NS);
}

int urgency_lower(void) {
    return was_chosen() ? -EBUSY : set(SCHED_BATCH, 0);
}

int urgency_wait(void) {
    return set(SCHED_BATCH, LONG_NS);
}

int urgency_reset(void) {
    return set(SCHED_NORMAL, 0);
}
