/*
 * snapshot: makes a process with much private memory cheap to fork. Everything that it holds in
 * private mappings is copied into one memfd whose file offset equals the address, and each range is
 * mapped over itself from there, private, with the protection that it had; then the memfd is sealed
 * and closed. The pages are page cache from then on: fork(2) copies no tables for them, children
 * fault them in when they are used and copy on write as ever. mmap(2), memfd_create(2),
 * fcntl_sealing(2).
 *
 * Each mapping costs at every fork and every exit, so a library's many become two: its read-only
 * parts get the protection of its code and one mapping of the file, its relocated constants that of
 * its data and one of the image. No page becomes writable and executable. (A script may run any
 * code in its own process anyway: which of its pages are executable protects nothing.)
 *
 * What stays as it was: shared mappings, stacks, mappings that cannot be read, the kernel's own.
 * Only for a process with one thread. A mapping that was never writable and holds no private page
 * stays with its file.
 */
#ifndef SNAPSHOT_H
#define SNAPSHOT_H

#include <stddef.h>

enum snapshot_action {
    SNAPSHOT_COPY,    /* copied into the image and mapped from there */
    SNAPSHOT_FRESH,   /* never touched: mapped anew as empty anonymous memory */
    SNAPSHOT_PROTECT, /* stays with its file, gets the protection of what is beside it */
};

struct snapshot_range {
    unsigned long start, end; /* addresses, page-aligned */
    int protection;           /* PROT_* */
    enum snapshot_action action;
};

struct snapshot_plan {
    struct snapshot_range *ranges; /* in memory of its own (mmap), which is not part of the plan */
    size_t count, capacity;        /* ranges in use, room for */
};

struct snapshot_report {
    size_t copied_bytes;
    size_t large_bytes; /* in large pages, with the small holes that these fill */
    size_t ranges;
};

/* proc_self: the directory /proc/self, open, since a process whose root was changed may not see it.
 *
 * Replaces the process's private memory as described. 0 or -errno: then nothing was replaced and
 * the process goes on as it was. A failure after the first range was replaced ends the process:
 * there is no way back. Takes some 100 ms. */
int snapshot_take(int proc_self, struct snapshot_report *ret_report);

/* For snapshot_take and its test. Reads the mappings of this process. Allocates with mmap(2) only.
 * 0 or -errno. */
int snapshot_plan_make(int proc_self, struct snapshot_plan *ret_plan);
void snapshot_plan_done(struct snapshot_plan *plan);

/* Anonymous private memory of the process in kB (RssAnon of /proc/self/status), -errno on failure.
 */
long snapshot_anonymous_kb(int proc_self);
/* All that it has in memory, shared or not; for a kernel that does not tell them apart. */
long snapshot_resident_kb(int proc_self);

#endif
