/*
 * snapshot_compare: every byte and every protection of this process before and after. For the body
 * of a test (snapshot_child.h), in whose record it keeps what it has seen.
 */
#ifndef SNAPSHOT_COMPARE_H
#define SNAPSHOT_COMPARE_H

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "snapshot_child.h"

#define MAPPINGS_MOST 2048

struct mapping {
    unsigned long start, end;
    char mode[4]; /* "rw-p" */
    char kind[4]; /* k: the kernel's own, l: a library's file */
};

struct seen {
    int error; /* errno, which is memory too */
    size_t count[2];
    struct mapping mappings[2][MAPPINGS_MOST];
    char text[1 << 20]; /* of /proc/self/maps */
    size_t size;
    unsigned char bytes[]; /* of every private mapping that can be read, one after the other */
};

static struct seen *seen_of_record(void) {
    return (struct seen *)record->bytes;
}

/* Nothing but the record changes while one is made: no stdio, no heap, no static buffer. */
static void read_maps(int which) {
    struct seen *seen = seen_of_record();
    int fd = openat(proc_self, "maps", O_RDONLY | O_CLOEXEC);
    size_t size = 0;
    for (ssize_t n; (n = read(fd, seen->text + size, sizeof(seen->text) - 1 - size)) > 0;)
        size += (size_t)n;
    close(fd);
    seen->text[size] = 0;
    size_t count = 0;
    for (char *line = seen->text; *line; line = strchr(line, '\n') + 1) {
        char *rest;
        struct mapping one = {.start = strtoul(line, &rest, 16)};
        one.end = strtoul(rest + 1, &rest, 16);
        for (int i = 0; i < 4; i++)
            one.mode[i] = rest[1 + i];
        size_t length = (size_t)(strchr(rest, '\n') - rest);
        if (memmem(rest, length, "[v", 2)) /* [vdso], [vvar], [vsyscall] */
            one.kind[0] = 'k';
        else if (memmem(rest, length, ".so", 3))
            one.kind[0] = 'l';
        struct mapping *last = count ? &seen->mappings[which][count - 1] : NULL;
        /* Where a mapping ends is not what is compared, only what each page is. */
        if (last && last->end == one.start && memcmp(last->mode, one.mode, 4) == 0 &&
            (which == 1 || last->kind[0] == one.kind[0]))
            last->end = one.end;
        else if (count < MAPPINGS_MOST)
            seen->mappings[which][count++] = one;
    }
    seen->count[which] = count;
}

/* The stack changes while it is looked at, and the kernel's own pages are not memory. */
static bool is_compared(const struct mapping *mapping) {
    unsigned long here = (unsigned long)&mapping;
    return mapping->mode[0] == 'r' && mapping->mode[3] == 'p' && mapping->kind[0] != 'k' &&
           mapping->end <= here;
}

static void record_before(void) {
    struct seen *seen = seen_of_record();
    /* The kernel writes into libc's memory on which processor a thread runs (rseq(2)): stay on one.
     */
    cpu_set_t here;
    CPU_ZERO(&here);
    CPU_SET((size_t)sched_getcpu(), &here);
    CHECK(sched_setaffinity(0, sizeof(here), &here) == 0);
    read_maps(0);
    seen->error = errno;
    for (size_t i = 0; i < seen->count[0]; i++) {
        const struct mapping *mapping = &seen->mappings[0][i];
        size_t size = mapping->end - mapping->start;
        if (!is_compared(mapping))
            continue;
        CHECK(sizeof(*record) + sizeof(*seen) + seen->size + size < RECORD_BYTES);
        memcpy(seen->bytes + seen->size, (const void *)mapping->start, size);
        seen->size += size;
    }
}

/* May this have become that? Only the read-only parts of a library change: they join its code or
 * its data. */
static bool is_same_mode(const struct mapping *before, const char after[4]) {
    if (memcmp(before->mode, after, 4) == 0)
        return true;
    return before->kind[0] == 'l' && memcmp(before->mode, "r--p", 4) == 0 &&
           (memcmp(after, "r-xp", 4) == 0 || memcmp(after, "rw-p", 4) == 0);
}

/* Page for page, however they are cut into mappings now; and nothing came or went. */
static void compare_protections(void) {
    struct seen *seen = seen_of_record();
    const struct mapping *after = seen->mappings[1];
    read_maps(1);
    size_t bytes[2] = {0};
    for (int which = 0; which < 2; which++)
        for (size_t i = 0; i < seen->count[which]; i++)
            bytes[which] += seen->mappings[which][i].end - seen->mappings[which][i].start;
    CHECK(seen->count[0] > 0 && bytes[0] == bytes[1]);
    for (size_t i = 0; i < seen->count[0]; i++) {
        const struct mapping *before = &seen->mappings[0][i];
        for (unsigned long at = before->start; at < before->end; at = after->end) {
            while (after < seen->mappings[1] + seen->count[1] && after->end <= at)
                after++;
            CHECK(after < seen->mappings[1] + seen->count[1] && after->start <= at);
            CHECK(is_same_mode(before, after->mode));
        }
    }
}

static void compare_after(void) {
    struct seen *seen = seen_of_record();
    size_t at = 0;
    errno = seen->error;
    for (size_t i = 0; i < seen->count[0]; i++) {
        const struct mapping *mapping = &seen->mappings[0][i];
        size_t size = mapping->end - mapping->start;
        if (!is_compared(mapping))
            continue;
        CHECK(memcmp(seen->bytes + at, (const void *)mapping->start, size) == 0);
        at += size;
    }
    CHECK(at == seen->size && at > 0);
    compare_protections();
}

#endif
