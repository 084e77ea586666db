/*
 * urgency: who runs first when more want to run than there are processors; nobody's share changes.
 * The server's pieces of work are short, and every run waits for them: it has the shortest slice,
 * and interrupts who has a longer one. What makes workers ahead can wait: it has a long one, and
 * interrupts nobody (SCHED_BATCH). Scripts are as every program is. sched(7), sched_setattr(2):
 * sched_runtime counts for these policies since Linux 6.12; kernels before ignore it.
 *
 * All are of the calling thread and of what it forks, need no rights, and return 0 or -errno.
 */
#ifndef URGENCY_H
#define URGENCY_H

int urgency_raise(void);
int urgency_lower(void);

/* As a process that was never told otherwise. */
int urgency_reset(void);

#endif
