/* read_pages: see read_pages.h. The child writes what it finds into memory that it shares with its
 * parent. While mappings are closed or change their protection, code of libc may be among them: raw
 * system calls only. */
#include "read_pages.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "large_pages.h"
#include "raw_syscall.h"

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

#define MAPPINGS_MOST 2048
#define PAGES_MOST 16384
#define TEXT_BYTES (1UL << 20) /* of maps */
/* A mapping of which forks copy the page table costs about as much as so many faults. */
#define PAGES_LEAST 3

#define PAGEMAP_PRESENT (1ULL << 63)
#define PAGEMAP_SHARED (1ULL << 61) /* of a file: not this process's own */

struct area {
    unsigned long start, end;
    int protection;
    size_t pages; /* of it that are read */
};

struct finding {
    unsigned long page_bytes;
    size_t area_count, page_count;
    bool complete;
    struct area areas[MAPPINGS_MOST];
    unsigned long pages[PAGES_MOST];
};

static struct finding *finding;

/* ---- in the child: which pages are touched ---- */

extern const char __executable_start, end; /* of this program, by the linker */

/* What a fault's handler itself needs, and the kernel when it gives the processor back (rseq). */
static bool must_stay_open(unsigned long from, unsigned long to) {
    const unsigned long thread = (unsigned long)__builtin_thread_pointer();
    const bool is_program = from < (unsigned long)&end && to > (unsigned long)&__executable_start;
    return is_program || (from <= thread && thread < to);
}

/* A line of maps: a private mapping of a file that can be read. */
static void note_area(const char *line) {
    char *rest;
    struct area area = {.start = strtoul(line, &rest, 16)};
    if (*rest != '-')
        return;
    area.end = strtoul(rest + 1, &rest, 16);
    if (rest[1] != 'r' || rest[4] != 'p' || !strchr(rest, '/') ||
        must_stay_open(area.start, area.end) || finding->area_count == MAPPINGS_MOST)
        return;
    area.protection =
        PROT_READ | (rest[2] == 'w' ? PROT_WRITE : 0) | (rest[3] == 'x' ? PROT_EXEC : 0);
    finding->areas[finding->area_count++] = area;
}

static void find_areas(int proc) {
    size_t size = 0;
    ssize_t got = 0;
    /* Static, it would be a hole in the parent's memory, and so two mappings more. */
    char *text = mmap(NULL, TEXT_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (text == MAP_FAILED)
        return;
    int maps = openat(proc, "self/maps", O_RDONLY | O_CLOEXEC);
    while (maps >= 0 && size < TEXT_BYTES - 1 &&
           (got = read(maps, text + size, TEXT_BYTES - 1 - size)) > 0)
        size += (size_t)got;
    text[size] = 0;
    for (char *line = text, *next; (next = strchr(line, '\n')); line = next + 1) {
        *next = 0;
        note_area(line);
    }
}

static bool lies_in(const struct area *area, unsigned long address) {
    return address >= area->start && address < area->end;
}

static struct area *area_of(unsigned long address) {
    for (size_t i = 0; i < finding->area_count; i++)
        if (lies_in(&finding->areas[i], address))
            return &finding->areas[i];
    return NULL;
}

static void open_page(int number, siginfo_t *info, void *context) {
    (void)number;
    (void)context;
    const unsigned long page = (unsigned long)info->si_addr & ~(finding->page_bytes - 1);
    const struct area *area = area_of(page);
    if (!area || finding->page_count == PAGES_MOST ||
        raw_syscall(SYS_mprotect, (long)page, (long)finding->page_bytes, area->protection, 0) < 0)
        raw_syscall(SYS_exit_group, 1, 0, 0, 0);
    finding->pages[finding->page_count++] = page;
}

static bool close_areas(void) {
    static char stack[64 * 1024];
    const stack_t other = {.ss_sp = stack, .ss_size = sizeof(stack)};
    struct sigaction action = {.sa_sigaction = open_page,
                               .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    if (sigaltstack(&other, NULL) < 0 || sigaction(SIGSEGV, &action, NULL) < 0)
        return false;
    for (size_t i = 0; i < finding->area_count; i++) {
        const struct area *area = &finding->areas[i];
        if (raw_syscall(SYS_mprotect, (long)area->start, (long)(area->end - area->start), PROT_NONE,
                        0) < 0)
            return false;
    }
    return true;
}

/* Those that were written are the child's own by now. */
static void keep_read_ones(int pagemap) {
    size_t kept = 0;
    for (size_t i = 0, count = finding->page_count; i < count; i++) {
        const unsigned long page = finding->pages[i];
        struct area *area = area_of(page);
        uint64_t entry = 0;
        if (!area || pread(pagemap, &entry, 8, (off_t)(page / finding->page_bytes * 8)) != 8 ||
            !(entry & PAGEMAP_PRESENT) || !(entry & PAGEMAP_SHARED))
            continue;
        finding->pages[kept++] = page;
        area->pages++;
    }
    finding->page_count = kept;
}

static _Noreturn void find_in_child(int proc, void (*exercise)(void *context), void *context) {
    int pagemap = openat(proc, "self/pagemap", O_RDONLY | O_CLOEXEC);
    find_areas(proc);
    if (pagemap >= 0 && close_areas()) {
        exercise(context);
        keep_read_ones(pagemap);
        finding->complete = true;
    }
    raw_syscall(SYS_exit_group, 0, 0, 0, 0);
    __builtin_unreachable();
}

/* ---- in the process that is forked ---- */

/* Whether it is the first in its large page that was read. */
static bool is_first_of_large(const struct area *area, size_t number) {
    const unsigned long large = finding->pages[number] / LARGE_PAGE_BYTES;
    for (size_t i = 0; i < number; i++)
        if (finding->pages[i] / LARGE_PAGE_BYTES == large && lies_in(area, finding->pages[i]))
            return false;
    return true;
}

/* Whether at least one is. */
static bool write_pages(const struct area *area) {
    bool written = false;
    for (size_t i = 0; i < finding->page_count; i++) {
        const unsigned long page = finding->pages[i];
        if (lies_in(area, page) && is_first_of_large(area, i))
            written |= raw_syscall(SYS_madvise, (long)page, (long)finding->page_bytes,
                                   MADV_POPULATE_WRITE, 0) == 0;
    }
    return written;
}

/* A fork copies the page table of a mapping only if a page of it was written here, and a large page
 * that is mapped whole has none: so one page of each is. The whole changes its protection for that,
 * since the kernel would not join the parts again. */
static bool make_own_pages(const struct area *area) {
    const long start = (long)area->start, size = (long)(area->end - area->start);
    const bool is_writable = area->protection & PROT_WRITE;
    if (!is_writable && raw_syscall(SYS_mprotect, start, size, PROT_READ | PROT_WRITE, 0) < 0)
        return false;
    const bool written = write_pages(area);
    if (!is_writable && raw_syscall(SYS_mprotect, start, size, area->protection, 0) < 0)
        raw_syscall(SYS_exit_group, 1, 0, 0, 0);
    return written;
}

static bool is_read(unsigned long page) {
    for (size_t i = 0; i < finding->page_count; i++)
        if (finding->pages[i] == page)
            return true;
    return false;
}

/* What lies around what was read was mapped with it, and would cost each fork and its end. */
static void drop_others(const struct area *area, int pagemap) {
    uint64_t entry;
    for (unsigned long page = area->start; page < area->end; page += finding->page_bytes)
        if (pread(pagemap, &entry, 8, (off_t)(page / finding->page_bytes * 8)) == 8 &&
            (entry & PAGEMAP_PRESENT) && (entry & PAGEMAP_SHARED) && !is_read(page))
            madvise((void *)page, finding->page_bytes, MADV_DONTNEED);
}

/* Whether it is mapped with all of its large page. */
static bool is_whole(unsigned long page, int pagemap) {
    static uint64_t entries[LARGE_PAGE_BYTES / 4096];
    const size_t count = sizeof(entries) / sizeof(entries[0]);
    madvise((void *)page, finding->page_bytes, MADV_POPULATE_READ);
    const off_t first = (off_t)(page / LARGE_PAGE_BYTES * sizeof(entries));
    if (pread(pagemap, entries, sizeof(entries), first) != (ssize_t)sizeof(entries))
        return false;
    size_t present = 0;
    while (present < count && (entries[present] & PAGEMAP_PRESENT))
        present++;
    return present == count;
}

/* A fork has all of a large page for one fault, as long as it does not write there. */
static void leave_large_ones(struct area *area, int pagemap) {
    if ((area->protection & PROT_WRITE) || finding->page_bytes != 4096)
        return;
    size_t kept = 0;
    for (size_t i = 0; i < finding->page_count; i++) {
        const unsigned long page = finding->pages[i];
        if (lies_in(area, page) && is_whole(page, pagemap))
            area->pages--;
        else
            finding->pages[kept++] = page;
    }
    finding->page_count = kept;
}

static size_t share(int pagemap) {
    size_t shared = 0;
    for (size_t i = 0; i < finding->area_count; i++) {
        struct area *area = &finding->areas[i];
        if (area->pages >= PAGES_LEAST)
            leave_large_ones(area, pagemap);
        if (area->pages < PAGES_LEAST || !make_own_pages(area))
            continue;
        for (size_t k = 0; k < finding->page_count; k++)
            if (lies_in(area, finding->pages[k]))
                madvise((void *)finding->pages[k], finding->page_bytes, MADV_POPULATE_READ);
        drop_others(area, pagemap);
        shared += area->pages;
    }
    return shared;
}

int read_pages_share(int proc, void (*exercise)(void *context), void *context, size_t *ret_pages) {
    finding =
        mmap(NULL, sizeof(*finding), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (finding == MAP_FAILED)
        return -errno;
    finding->page_bytes = (unsigned long)getpagesize();
    /* Not fork(3), which writes to libc's own pages: they would not be the image's any more. */
    pid_t pid = (pid_t)raw_syscall(SYS_clone, SIGCHLD, 0, 0, 0);
    if (pid == 0)
        find_in_child(proc, exercise, context);
    int r = pid < 0 ? pid : waitpid(pid, NULL, 0) < 0 ? -errno : 0;
    int pagemap = openat(proc, "self/pagemap", O_RDONLY | O_CLOEXEC);
    *ret_pages = r == 0 && finding->complete && pagemap >= 0 ? share(pagemap) : 0;
    if (pagemap >= 0)
        close(pagemap);
    munmap(finding, sizeof(*finding));
    return r;
}
