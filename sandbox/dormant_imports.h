/* dormant_imports: what a loaded library calls, as its relocations say. elf(5). */
#ifndef DORMANT_IMPORTS_H
#define DORMANT_IMPORTS_H

#include <link.h>
#include <stdbool.h>

/* Whether the library calls a function by which the kernel writes where the caller says. */
bool dormant_imports_kernel_writes(const struct dl_phdr_info *library);

#endif
