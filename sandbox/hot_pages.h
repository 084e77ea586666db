/*
 * hot_pages: the pages of the loaded interpreter that nearly every script writes to (reference
 * counts, free lists). They are found once, by letting a throw-away fork do what a script does, and
 * each worker has them copied before its script comes, instead of by faults while it runs. proc(5)
 * pagemap, madvise(2) MADV_POPULATE_WRITE (Linux 5.14).
 */
#ifndef HOT_PAGES_H
#define HOT_PAGES_H

#include <stddef.h>

struct hot_range {
    unsigned long start, size; /* bytes, page-aligned */
};

struct hot_pages {
    struct hot_range *ranges; /* memory of its own, not the heap */
    size_t count;
    size_t pages; /* all ranges together */
    size_t page_bytes;
};

/* Forks, calls exercise(context) in the child, and notes which private pages it wrote. proc: the
 * directory /proc, open. Nothing found, or not to be found here, is no error: then there are no
 * ranges. Blocks until the child has ended. 0 or -errno. */
int hot_pages_find(int proc, void (*exercise)(void *context), void *context,
                   struct hot_pages *ret_hot);

/* In a worker: makes these pages its own. The ranges must be mapped as they were found. */
void hot_pages_populate(const struct hot_pages *hot);

#endif
