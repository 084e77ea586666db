/*
 * large_pages: the image of a snapshot (snapshot.h) in pages of 2 MiB where it is dense. What a
 * fork only reads is then one entry of its page table instead of hundreds of faults, each of which
 * maps sixteen pages, and at its end one entry goes away. It is asked for page by page, and so
 * needs no setting of the machine, as long as that does not forbid it. madvise(2): MADV_COLLAPSE,
 * since Linux 6.1.
 */
#ifndef LARGE_PAGES_H
#define LARGE_PAGES_H

#include <stddef.h>

struct snapshot_plan;

#define LARGE_PAGE_BYTES (2UL << 20) /* of a machine whose pages have 4 KiB */

/* image: a memfd whose offsets are addresses, with what the plan copies in it, not sealed yet. What
 * has no memory, or a kernel that cannot, leaves it in small pages: the bytes are the same. Raw
 * system calls only, no heap, errno untouched. 0.6 to 1.5 ms a page, 6 at worst. Returns how many
 * were made. */
size_t large_pages_make(int image, const struct snapshot_plan *plan);

#endif
