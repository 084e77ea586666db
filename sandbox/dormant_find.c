/* dormant_find: see dormant_find.h. */
#include "dormant_find.h"

#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dormant_calls.h"
#include "dormant_imports.h"

/* So much more of it is worth copying. */
#define CORE_TIMES 4

struct search {
    struct dormant_part *parts;
    size_t count, room, code_bytes_most, libraries;
    unsigned long page_bytes;
};

struct segments {
    unsigned long start, end; /* all of it */
    unsigned long data;       /* where what can be written begins, to the end */
    bool is_plain;            /* nothing else follows that */
};

static struct segments segments_of(const struct dl_phdr_info *library, unsigned long page_bytes) {
    struct segments all = {.start = -1UL, .data = -1UL, .is_plain = true};
    for (unsigned i = 0; i < library->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &library->dlpi_phdr[i];
        if (segment->p_type != PT_LOAD)
            continue;
        unsigned long start = (library->dlpi_addr + segment->p_vaddr) & ~(page_bytes - 1);
        unsigned long end = library->dlpi_addr + segment->p_vaddr + segment->p_memsz;
        all.start = start < all.start ? start : all.start;
        all.end = end > all.end ? end : all.end;
        if (segment->p_flags & PF_W)
            all.data = start < all.data ? start : all.data;
        else
            all.is_plain &= all.data == -1UL;
    }
    all.end = (all.end + page_bytes - 1) & ~(page_bytes - 1);
    all.is_plain &= all.start < all.data && all.data < all.end;
    return all;
}

static const char *base_of(const char *name) {
    const char *slash = strrchr(name, '/');
    return slash ? slash + 1 : name;
}

static bool is_system(const char *name) {
    const char *base = base_of(name);
    return !*name || strncmp(base, "libc.so", 7) == 0 || strncmp(base, "ld-", 3) == 0;
}

static bool is_interpreter(const char *name) {
    return strncmp(base_of(name), "libpython", 9) == 0;
}

/* What every script runs, and every one with numpy: the interpreter and the core of arrays. */
static bool is_core(const char *name) {
    return is_interpreter(name) || strncmp(base_of(name), "_multiarray_umath", 17) == 0;
}

static int look_at_library(struct dl_phdr_info *library, size_t size, void *context) {
    (void)size;
    struct search *search = context;
    const struct segments all = segments_of(library, search->page_bytes);
    if (!all.is_plain || search->room - search->count < 2 || is_system(library->dlpi_name))
        return 0;
    const size_t most = is_core(library->dlpi_name) ? CORE_TIMES * search->code_bytes_most
                                                    : search->code_bytes_most;
    if (all.data - all.start <= most)
        search->parts[search->count++] =
            (struct dormant_part){all.start, all.data, DORMANT_CODE, false};
    const bool is_caller = dormant_imports_kernel_writes(library);
    if (is_caller && (is_interpreter(library->dlpi_name) ||
                      !dormant_calls_redirect(library, all.start, all.end)))
        return 0;
    search->parts[search->count++] =
        (struct dormant_part){all.data, all.end, DORMANT_DATA, is_caller};
    search->libraries++;
    return 0;
}

static int compare_parts(const void *left, const void *right) {
    const struct dormant_part *a = left, *b = right;
    return a->start < b->start ? -1 : a->start > b->start;
}

size_t dormant_find(struct dormant_part *parts, size_t room, size_t code_bytes_most,
                    size_t *ret_libraries) {
    struct search search = {.parts = parts,
                            .room = room,
                            .code_bytes_most = code_bytes_most,
                            .page_bytes = (unsigned long)getpagesize()};
    dl_iterate_phdr(look_at_library, &search);
    qsort(parts, search.count, sizeof(*parts), compare_parts);
    *ret_libraries = search.libraries;
    return search.count;
}
