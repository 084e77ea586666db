/*
 * dormant_find: which loaded libraries may sleep, for dormant.c. A library's writable segments must
 * follow all others, as linkers have it. Left out: the program, libc, the loader, and the data of
 * every library that calls a function by which the kernel writes where it is told, if it is the
 * interpreter or its calls cannot all be seen (dormant_calls.h). dl_iterate_phdr(3), elf(5).
 */
#ifndef DORMANT_FIND_H
#define DORMANT_FIND_H

#include <stddef.h>

#include "dormant.h"

/* Fills parts, in order of their addresses, up to room; what does not fit stays awake. Code is a
 * part if it has at most code_bytes_most. Returns the number of parts, and that of the libraries
 * whose data is one in *ret_libraries. */
size_t dormant_find(struct dormant_part *parts, size_t room, size_t code_bytes_most,
                    size_t *ret_libraries);

#endif
