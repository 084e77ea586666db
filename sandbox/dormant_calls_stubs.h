/* dormant_calls_stubs: the table of stubs, for dormant_calls.c and dormant_calls_stubs.S. */
#ifndef DORMANT_CALLS_STUBS_H
#define DORMANT_CALLS_STUBS_H

#define DORMANT_STUBS 128
#define DORMANT_STUB_BYTES 64

#ifndef __ASSEMBLER__
/* Stub number i calls dormant_wake_callers() if dormant_calls_asleep, and jumps to the function
 * whose address is the i-th. */
extern const char dormant_calls_stubs[DORMANT_STUBS][DORMANT_STUB_BYTES];
extern unsigned long dormant_calls_functions[DORMANT_STUBS];
#endif

#endif
