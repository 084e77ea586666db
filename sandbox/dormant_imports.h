/* dormant_imports: what a loaded library calls, as its relocations say. elf(5). */
#ifndef DORMANT_IMPORTS_H
#define DORMANT_IMPORTS_H

#include <link.h>
#include <stdbool.h>

struct dormant_import {
    bool is_kernel_write; /* a function by which the kernel writes where the caller says */
    bool is_unseen;       /* one by which it comes to write there without such a call: it finds
                             functions by name, or gives memory away for later */
    ElfW(Addr) slot;      /* the address of the word that was relocated */
    unsigned type;        /* R_* of this processor */
    ElfW(Sxword) more;    /* what is added to the function's address */
};

/* Visits all relocations by such functions that the library does not define itself, until a visit
 * returns false. True: all were visited; false also if nothing can be said of the library. */
bool dormant_imports_visit(const struct dl_phdr_info *library,
                           bool (*visit)(const struct dormant_import *import, void *context),
                           void *context);

/* Whether the library calls a function by which the kernel writes where the caller says. */
bool dormant_imports_kernel_writes(const struct dl_phdr_info *library);

#endif
