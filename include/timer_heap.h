/*
 * timer_heap: the loop's timers in the order in which they are due: a pairing heap through the
 * timers themselves, so that starting one can never fail. Pure.
 */
#ifndef TIMER_HEAP_H
#define TIMER_HEAP_H

#include "loop.h"

/* Empty heap: NULL. root is the timer that is due first. */
void timer_heap_insert(struct loop_timer **root, struct loop_timer *timer);

/* The timer must be in this heap. */
void timer_heap_remove(struct loop_timer **root, struct loop_timer *timer);

#endif
