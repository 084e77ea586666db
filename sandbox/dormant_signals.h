/* dormant_signals: calls that wake what sleeps (dormant.h), put before libc's. */
#ifndef DORMANT_SIGNALS_H
#define DORMANT_SIGNALS_H

/* Looks up libc's own, so that later calls are what they are in libc: async-signal-safe if that is.
 */
void dormant_signals_begin(void);

#endif
