/*
 * hot_pages: the pages of the loaded interpreter that scripts write to (reference counts, free
 * lists). They are found once, by letting a throw-away fork do what a script does, and a worker has
 * them copied before its script comes, instead of by faults while it runs: each worker those that
 * nearly every script writes, and the one that is next, while there is nothing else to do, those of
 * scripts that use the libraries. proc(5) pagemap, madvise(2) MADV_POPULATE_WRITE (Linux 5.14).
 */
#ifndef HOT_PAGES_H
#define HOT_PAGES_H

#include <stdbool.h>
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

/* Drops the ranges for which that is true (start, end: addresses), and of the rest what is more
 * than the first pages_most pages. */
void hot_pages_reduce(struct hot_pages *hot, bool (*is_dropped)(unsigned long, unsigned long),
                      size_t pages_most);

/* In a worker: makes these pages its own. The ranges must be mapped as they were found. */
void hot_pages_populate(const struct hot_pages *hot);

/* The same, as long as there is nothing to be read from fd: it looks every 100 us or so. */
void hot_pages_populate_until(const struct hot_pages *hot, int fd);

#endif
