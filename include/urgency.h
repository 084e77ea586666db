/*
 * urgency: who runs first when more want to run than there are processors. The server's pieces of
 * work are short, and every run waits for them: it has the shortest slice, and interrupts who has a
 * longer one. What makes workers can wait: it interrupts nobody when it wakes (SCHED_BATCH).
 * Scripts are as every program is by default. None of them has more of a processor by it. sched(7),
 * sched_setattr(2): sched_runtime counts for SCHED_OTHER since Linux 6.12; kernels before ignore
 * it.
 *
 * All are of the calling thread and of what it forks, need no rights, and return 0 or -errno:
 * -EBUSY where somebody has chosen another policy for it, which then stays (chrt(1)).
 */
#ifndef URGENCY_H
#define URGENCY_H

int urgency_raise(void);
int urgency_lower(void);

/* After urgency_lower(), for what nobody waits for yet: a long slice as well. Behind those who use
 * their processors up it may begin 20 ms later. */
int urgency_wait(void);

/* After one of these: as a process that was never told otherwise. */
int urgency_reset(void);

#endif
