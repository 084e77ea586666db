/*
 * worker: one script, once. The forked process isolates itself step by step in the order that
 * isolation needs, then becomes the interpreter. Between the fork and the script: no malloc, no
 * stdio, no lock.
 */
#ifndef WORKER_H
#define WORKER_H

#include "protocol.h"
#include "slot.h"

/* The worker's life, on a stack and in a memory image of its own, as a child of its init. */
_Noreturn void worker_main(struct slot *slot);

/* Monotonic clock, microseconds. */
int64_t worker_now_us(void);

/* Sends FRAME_SETUP_FAILED (error: errno, positive). One raw write, nothing else: the init calls it
 * too. */
void worker_report_failure(int channel, enum sandbox_stage stage, int error);

#endif
