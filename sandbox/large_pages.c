/* large_pages: see large_pages.h. */
#include "large_pages.h"

#include <stdbool.h>
#include <sys/mman.h>
#include <unistd.h>

#include "raw_mmap.h"
#include "raw_syscall.h"
#include "snapshot.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

/* Holes become memory. */
#define DENSE_BYTES (LARGE_PAGE_BYTES / 8 * 7)
/* Each costs the kernel a search for memory: where there is none, or no such call, no more are
 * asked for. */
#define FAILURES_MOST 3

/* A place for one large page, aligned as it must be, in reserved addresses; 0: there is none. */
struct window {
    long reserved;
    unsigned long start;
    int image;
    unsigned failures;
};

static struct window open_window(int image) {
    long reserved = raw_mmap(0, 2 * LARGE_PAGE_BYTES, PROT_NONE,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (reserved < 0)
        return (struct window){0};
    unsigned long end = (unsigned long)reserved + LARGE_PAGE_BYTES;
    return (struct window){
        .reserved = reserved, .start = end & ~(LARGE_PAGE_BYTES - 1), .image = image};
}

/* The page cache itself changes: no matter through which mapping it is asked for. */
static bool collapse(struct window *window, unsigned long offset) {
    if (window->failures == FAILURES_MOST)
        return false;
    long r = raw_mmap(window->start, LARGE_PAGE_BYTES, PROT_READ, MAP_SHARED | MAP_FIXED,
                      window->image, offset);
    if (r == (long)window->start)
        r = raw_syscall(SYS_madvise, r, (long)LARGE_PAGE_BYTES, MADV_COLLAPSE, 0);
    window->failures += r != 0;
    return r == 0;
}

/* How much of the range lies in the large page at this offset. */
static unsigned long overlap(const struct snapshot_range *range, unsigned long offset) {
    unsigned long start = range->start > offset ? range->start : offset;
    unsigned long end =
        range->end < offset + LARGE_PAGE_BYTES ? range->end : offset + LARGE_PAGE_BYTES;
    return end - start;
}

size_t large_pages_make(int image, const struct snapshot_plan *plan) {
    size_t made = 0;
    unsigned long current = 0, filled = 0; /* the large page that is being looked at */
    struct window window = {0};
    if (getpagesize() == 4096)
        window = open_window(image);
    for (size_t i = 0; window.start && i < plan->count; i++) {
        const struct snapshot_range *range = &plan->ranges[i];
        if (range->action != SNAPSHOT_COPY)
            continue;
        for (unsigned long at = range->start & ~(LARGE_PAGE_BYTES - 1); at < range->end;
             at += LARGE_PAGE_BYTES) {
            if (at != current) {
                made += filled >= DENSE_BYTES && collapse(&window, current);
                filled = 0;
            }
            current = at;
            filled += overlap(range, at);
        }
    }
    if (window.start) {
        made += filled >= DENSE_BYTES && collapse(&window, current);
        raw_syscall(SYS_munmap, window.reserved, (long)(2 * LARGE_PAGE_BYTES), 0, 0);
    }
    return made;
}
