/*
 * dormant_calls: lets libraries sleep (dormant.h) that have the kernel write where they say, which
 * would be no fault there but EFAULT. The words through which such a library calls these functions
 * (its relocated slots) are made to point to stubs. As long as such libraries sleep, a stub wakes
 * all of them first, whoever calls: one may pass its data to another, which calls. Then, and ever
 * after, it goes on to the function that was in the slot, with all arguments as they were, errno
 * too.
 *
 * A library stays awake if it may come to such a function by another way: it takes the function's
 * address (which it may have stored or passed on before), it finds functions by name, or it gives
 * memory away for the kernel to write later (dormant_imports.h). Also if a slot is not resolved
 * yet, which the loader would write at the first call, and if the tables are full. The slots that
 * such a library has are changed all the same, since others may pass their data to it.
 *
 * What is not seen: a sleeping library's data that the interpreter or one of those other ways gives
 * to the kernel; and memory that was given to it before the snapshot to be written later, by a bare
 * syscall(2). Nothing is known that does.
 *
 * mprotect(2), elf(5).
 */
#ifndef DORMANT_CALLS_H
#define DORMANT_CALLS_H

#include <link.h>
#include <stdbool.h>

/* Whether one of these libraries sleeps: the stubs wake them as long as this holds. It is cleared
 * when all are awake, not before. */
extern bool dormant_calls_asleep;

/* Changes the slots of a loaded library whose addresses are from start to end, those that can be.
 * Before the snapshot, in a process with one thread. False: it must stay awake. */
bool dormant_calls_redirect(const struct dl_phdr_info *library, unsigned long start,
                            unsigned long end);

/* All slots as they were. Only where nothing has slept yet. */
void dormant_calls_undo(void);

#endif
