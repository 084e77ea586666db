/* hot_pages: see hot_pages.h. The child writes what it finds into memory that it shares with its
 * parent. */
#include "hot_pages.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

#define RANGES_MOST 8192
#define TEXT_BYTES (1UL << 20) /* of maps */
/* For this many pages faults are cheaper than a call. */
#define CALL_PAGES 2
/* Between two looks whether there is something else to do. */
#define STEP_PAGES 32

#define PAGEMAP_PRESENT (1ULL << 63)
#define PAGEMAP_SHARED (1ULL << 61) /* of a file: not yet copied for this process */

/* Where the child leaves what it found. */
struct finding {
    size_t page_bytes; /* of the machine: 4 KiB, on arm64 also 16 or 64 */
    size_t count;
    bool complete;
    struct hot_range ranges[RANGES_MOST];
};

static void note_page(struct finding *finding, unsigned long address) {
    struct hot_range *last = finding->count ? &finding->ranges[finding->count - 1] : NULL;
    if (last && address == last->start + last->size)
        last->size += finding->page_bytes;
    else if (finding->count < RANGES_MOST)
        finding->ranges[finding->count++] = (struct hot_range){address, finding->page_bytes};
}

static void look_at_mapping(struct finding *finding, int pagemap, unsigned long start,
                            unsigned long end) {
    const size_t page_bytes = finding->page_bytes;
    uint64_t pages[512];
    for (unsigned long address = start; address < end;) {
        size_t wanted = (end - address) / page_bytes;
        wanted = wanted < 512 ? wanted : 512;
        ssize_t got = pread(pagemap, pages, wanted * 8, (off_t)(address / page_bytes * 8));
        if (got < 8)
            return;
        for (size_t i = 0; i < (size_t)got / 8; i++, address += page_bytes)
            if ((pages[i] & PAGEMAP_PRESENT) && !(pages[i] & PAGEMAP_SHARED))
                note_page(finding, address);
    }
}

/* Private mappings of files: the image, and the libraries' code. What is anonymous from birth is
 * copied by the fork anyway. */
static void look_at_line(struct finding *finding, int pagemap, char *line) {
    char *rest;
    unsigned long start = strtoul(line, &rest, 16);
    if (*rest != '-')
        return;
    unsigned long end = strtoul(rest + 1, &rest, 16);
    if (strncmp(rest, " rw-p", 5) == 0 && strchr(rest, '/'))
        look_at_mapping(finding, pagemap, start, end);
}

static void look_at_all(struct finding *finding, int maps, int pagemap) {
    size_t size = 0;
    ssize_t got;
    /* Static, it would be a hole in the parent's memory, and so two mappings more. */
    char *text = mmap(NULL, TEXT_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (text == MAP_FAILED)
        return;
    while (size < TEXT_BYTES - 1 && (got = read(maps, text + size, TEXT_BYTES - 1 - size)) > 0)
        size += (size_t)got;
    text[size] = 0;
    for (char *line = text; *line;) {
        char *next = strchr(line, '\n');
        if (!next)
            break;
        *next = 0;
        look_at_line(finding, pagemap, line);
        line = next + 1;
    }
    finding->complete = true;
}

static struct finding *make_finding(void) {
    struct finding *finding = mmap(NULL, sizeof(struct finding), PROT_READ | PROT_WRITE,
                                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (finding == MAP_FAILED)
        return NULL;
    finding->page_bytes = (size_t)getpagesize();
    return finding;
}

/* The parent's list, private to it and its workers. */
static int keep(const struct finding *finding, struct hot_pages *ret_hot) {
    size_t size = finding->count * sizeof(struct hot_range);
    void *memory = mmap(NULL, size + 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return -errno;
    memcpy(memory, finding->ranges, size);
    size_t pages = 0;
    for (size_t i = 0; i < finding->count; i++)
        pages += finding->ranges[i].size / finding->page_bytes;
    *ret_hot = (struct hot_pages){.ranges = memory,
                                  .count = finding->count,
                                  .pages = pages,
                                  .page_bytes = finding->page_bytes};
    return 0;
}

int hot_pages_find(int proc, void (*exercise)(void *context), void *context,
                   struct hot_pages *ret_hot) {
    struct finding *finding = make_finding();
    if (!finding)
        return -errno;
    /* Not fork(3), which writes to libc's own pages: they would not be the image's any more. */
    pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (pid == 0) {
        int maps = openat(proc, "self/maps", O_RDONLY | O_CLOEXEC);
        int pagemap = openat(proc, "self/pagemap", O_RDONLY | O_CLOEXEC);
        exercise(context);
        if (maps >= 0 && pagemap >= 0)
            look_at_all(finding, maps, pagemap);
        _exit(0);
    }
    int r = pid < 0 || waitpid(pid, NULL, 0) < 0 ? -errno : 0;
    *ret_hot = (struct hot_pages){0};
    if (r == 0 && finding->complete)
        r = keep(finding, ret_hot);
    munmap(finding, sizeof(*finding));
    return r;
}

void hot_pages_reduce(struct hot_pages *hot, bool (*is_dropped)(unsigned long, unsigned long),
                      size_t pages_most) {
    size_t count = 0, left = pages_most;
    for (size_t i = 0; i < hot->count && left > 0; i++) {
        struct hot_range range = hot->ranges[i];
        if (is_dropped(range.start, range.start + range.size))
            continue;
        const size_t pages = range.size / hot->page_bytes;
        range.size = (pages < left ? pages : left) * hot->page_bytes;
        left -= range.size / hot->page_bytes;
        hot->ranges[count++] = range;
    }
    hot->count = count;
    hot->pages = pages_most - left;
}

/* Writes what is there. */
static void touch(unsigned long address) {
    __atomic_fetch_or((unsigned char *)address, 0, __ATOMIC_RELAXED);
}

static void populate(struct hot_range range, size_t page_bytes) {
    if (range.size > CALL_PAGES * page_bytes &&
        madvise((void *)range.start, range.size, MADV_POPULATE_WRITE) == 0)
        return;
    for (size_t at = 0; at < range.size; at += page_bytes)
        touch(range.start + at);
}

void hot_pages_populate(const struct hot_pages *hot) {
    for (size_t i = 0; i < hot->count; i++)
        populate(hot->ranges[i], hot->page_bytes);
}

static bool can_be_read(int fd) {
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    return poll(&wait, 1, 0) != 0;
}

void hot_pages_populate_until(const struct hot_pages *hot, int fd) {
    const size_t most = STEP_PAGES * hot->page_bytes;
    size_t since_look = most;
    for (size_t i = 0; i < hot->count; i++)
        for (struct hot_range rest = hot->ranges[i]; rest.size > 0;) {
            const size_t size = rest.size < most ? rest.size : most;
            if (since_look + size > most) {
                if (can_be_read(fd))
                    return;
                since_look = 0;
            }
            populate((struct hot_range){rest.start, size}, hot->page_bytes);
            since_look += size;
            rest = (struct hot_range){rest.start + size, rest.size - size};
        }
}
