/* snapshot_plan: which ranges of this process are replaced. proc(5): smaps, pagemap. Works with one
 * static buffer and mmap, no heap: the heap is what is being looked at. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dormant.h"
#include "snapshot.h"

#define RANGES_MOST 32768
/* Shorter untouched runs are copied with what is around them: a mapping more costs each run, a
 * megabyte the service once. */
#define FRESH_BYTES (1UL << 20)

struct mapping {
    unsigned long start, end;
    int protection;
    bool is_private, is_file, is_library,
        is_special; /* is_special: [stack], [vdso], ... but not [heap] */
    unsigned long anonymous_kb;
    bool is_fixed; /* flags that a copy would not have: io, pfn, wipe on fork, not copied on fork,
                      grows down, memory tags (arm64), shadow stack */
};

static int add_range(struct snapshot_plan *plan, unsigned long start, unsigned long end,
                     int protection, enum snapshot_action action) {
    if (start == end)
        return 0;
    if (plan->count == plan->capacity)
        return -ENOBUFS;
    plan->ranges[plan->count++] = (struct snapshot_range){start, end, protection, action};
    return 0;
}

/* Anonymous memory: what was never touched is mapped anew instead of being copied as zeros. */
static int add_anonymous(struct snapshot_plan *plan, const struct mapping *mapping, int pagemap) {
    const unsigned long page_bytes = (unsigned long)getpagesize();
    unsigned long from = mapping->start, untouched = 0;
    uint64_t pages[512];
    for (unsigned long address = mapping->start; address < mapping->end;) {
        size_t wanted = (mapping->end - address) / page_bytes;
        wanted = wanted < 512 ? wanted : 512;
        ssize_t got = pread(pagemap, pages, wanted * 8, (off_t)(address / page_bytes * 8));
        if (got < 8)
            return -EIO;
        for (size_t i = 0; i < (size_t)got / 8; i++, address += page_bytes) {
            bool touched = pages[i] >> 62; /* present or swapped */
            if (!touched) {
                untouched += page_bytes;
                continue;
            }
            if (untouched >= FRESH_BYTES) {
                int r =
                    add_range(plan, from, address - untouched, mapping->protection, SNAPSHOT_COPY);
                if (r == 0)
                    r = add_range(plan, address - untouched, address, mapping->protection,
                                  SNAPSHOT_FRESH);
                if (r < 0)
                    return r;
                from = address;
            }
            untouched = 0;
        }
    }
    if (untouched < FRESH_BYTES)
        untouched = 0;
    int r = add_range(plan, from, mapping->end - untouched, mapping->protection, SNAPSHOT_COPY);
    return r < 0 ? r
                 : add_range(plan, mapping->end - untouched, mapping->end, mapping->protection,
                             SNAPSHOT_FRESH);
}

/* What a library's loader made read-only after it had written it (RELRO) becomes one mapping with
 * the writable data beside it. */
static int protection_of(const struct mapping *mapping) {
    bool relocated = mapping->is_library && mapping->protection == PROT_READ;
    return relocated ? PROT_READ | PROT_WRITE : mapping->protection;
}

/* Whether a copy of the mapping can stand for it. */
static bool is_copyable(const struct mapping *mapping) {
    return mapping->is_private && !mapping->is_special && !mapping->is_fixed &&
           (mapping->protection & PROT_READ);
}

static int add_mapping(struct snapshot_plan *plan, const struct mapping *mapping, int pagemap) {
    bool writable = mapping->protection & PROT_WRITE;
    if (mapping->is_library && mapping->is_private && !mapping->anonymous_kb &&
        mapping->protection == PROT_READ)
        return add_range(plan, mapping->start, mapping->end, PROT_READ | PROT_EXEC,
                         SNAPSHOT_PROTECT);
    if (!is_copyable(mapping) || (!writable && !mapping->anonymous_kb))
        return 0;
    if (mapping->is_file || !writable)
        return add_range(plan, mapping->start, mapping->end, protection_of(mapping), SNAPSHOT_COPY);
    return add_anonymous(plan, mapping, pagemap);
}

/* Cuts it where parts of libraries that may sleep begin and end. */
static int add_pieces(struct snapshot_plan *plan, const struct mapping *mapping, int pagemap) {
    const struct dormant_part *part;
    struct mapping piece = *mapping;
    int r = 0;
    while (r == 0 && piece.start < mapping->end && is_copyable(mapping) &&
           (part = dormant_after(piece.start)) && part->start < mapping->end) {
        piece.end = part->start;
        if (piece.start < piece.end)
            r = add_mapping(plan, &piece, pagemap);
        piece.start = piece.start > part->start ? piece.start : part->start;
        piece.end = part->end < mapping->end ? part->end : mapping->end;
        if (r == 0)
            r = add_range(plan, piece.start, piece.end, DORMANT_PROTECTION, SNAPSHOT_COPY);
        piece.start = piece.end;
    }
    piece.end = mapping->end;
    return r < 0 || piece.start == piece.end ? r : add_mapping(plan, &piece, pagemap);
}

/* One line of smaps; true when a mapping is complete (its VmFlags line is the last). */
static bool parse_line(char *line, struct mapping *mapping) {
    char *end, *rest;
    if (strncmp(line, "Anonymous:", 10) == 0) {
        mapping->anonymous_kb = strtoul(line + 10, NULL, 10);
        return false;
    }
    if (strncmp(line, "VmFlags:", 8) == 0) {
        static const char *const fixed[] = {" gd", " io", " pf", " wf", " dc", " mt", " ss"};
        for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
            mapping->is_fixed |= strstr(line, fixed[i]) != NULL;
        return true;
    }
    unsigned long start = strtoul(line, &end, 16);
    if (end == line || *end != '-')
        return false;
    *mapping = (struct mapping){.start = start, .end = strtoul(end + 1, &rest, 16)};
    rest++;
    mapping->protection = (rest[0] == 'r' ? PROT_READ : 0) | (rest[1] == 'w' ? PROT_WRITE : 0) |
                          (rest[2] == 'x' ? PROT_EXEC : 0);
    mapping->is_private = rest[3] == 'p';
    char *name = strchr(rest, '[');
    mapping->is_file = strchr(rest, '/') != NULL;
    mapping->is_library = strstr(rest, ".so") != NULL;
    mapping->is_special = !mapping->is_file && name && strncmp(name, "[heap]", 6) != 0;
    return false;
}

/* All of smaps, in memory of its own, NUL-terminated. */
static char *read_smaps(int proc_self, size_t *ret_room) {
    size_t room = 16UL << 20, size = 0;
    char *text = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int fd = openat(proc_self, "smaps", O_RDONLY | O_CLOEXEC);
    ssize_t got = -1;
    while (text != MAP_FAILED && fd >= 0 && size < room - 1 &&
           (got = read(fd, text + size, room - 1 - size)) > 0)
        size += (size_t)got;
    if (fd >= 0)
        close(fd);
    if (text == MAP_FAILED)
        return NULL;
    if (got != 0) {
        munmap(text, room);
        return NULL;
    }
    text[size] = 0;
    *ret_room = room;
    return text;
}

int snapshot_plan_make(int proc_self, struct snapshot_plan *ret_plan) {
    struct snapshot_plan plan = {.capacity = RANGES_MOST};
    size_t bytes = plan.capacity * sizeof(*plan.ranges), room = 0;
    plan.ranges = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (plan.ranges == MAP_FAILED)
        return -errno;
    char *text = read_smaps(proc_self, &room);
    int pagemap = openat(proc_self, "pagemap", O_RDONLY | O_CLOEXEC);
    int r = text && pagemap >= 0 ? 0 : -EIO;
    struct mapping mapping = {0};
    for (char *line = text; r == 0 && line && *line;) {
        char *next = strchr(line, '\n');
        if (next)
            *next++ = 0;
        if (parse_line(line, &mapping))
            r = add_pieces(&plan, &mapping, pagemap);
        line = next;
    }
    if (text)
        munmap(text, room);
    if (pagemap >= 0)
        close(pagemap);
    if (r < 0) {
        snapshot_plan_done(&plan);
        return r;
    }
    *ret_plan = plan;
    return 0;
}

void snapshot_plan_done(struct snapshot_plan *plan) {
    munmap(plan->ranges, plan->capacity * sizeof(*plan->ranges));
    plan->ranges = NULL;
    plan->count = 0;
}
