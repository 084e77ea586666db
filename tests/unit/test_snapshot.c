/* snapshot: every byte and every protection of a process before and after, what must stay as it
 * was, and that the image can be written by nobody. Each case runs in a child: a snapshot replaces
 * the whole process's memory. This file has its own memfd_create(), which keeps a second descriptor
 * of the image, the only way to look at what snapshot_take() closes. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "checked_child.h"
#include "snapshot.h"

#define PAGE ((unsigned long)getpagesize())
#define PAGE_MOST 65536UL /* of any machine */
#define RECORD_BYTES (256UL << 20)
#define MAPPINGS_MOST 2048
#define ALL_SEALS (F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)

struct mapping {
    unsigned long start, end;
    char mode[4]; /* "rw-p" */
    char kind[4]; /* k: the kernel's own, l: a library's file */
};

/* What is compared lives in shared memory: it is no part of a snapshot, and the parent sees it. */
struct record {
    const char *failed; /* the condition, a literal of this program */
    int line;
    int image; /* kept by memfd_create() below; 0: none */
    int error; /* errno, which is memory too */
    size_t count[2];
    struct mapping mappings[2][MAPPINGS_MOST];
    char text[1 << 20]; /* of /proc/self/maps */
    size_t size;
    unsigned char bytes[]; /* of every private mapping that can be read, one after the other */
};

static struct record *record;
static int proc_self;
static bool image_is_refused; /* makes memfd_create() below fail */

int memfd_create(const char *name, unsigned flags) {
    if (image_is_refused) {
        errno = EMFILE;
        return -1;
    }
    int fd = (int)syscall(SYS_memfd_create, name, flags);
    record->image = fcntl(fd, F_DUPFD_CLOEXEC, 100);
    return fd;
}

static void wait_for(pid_t pid) {
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (record->failed)
        fail_msg("line %d: %s", record->line, record->failed);
    assert_int_equal(status, 0);
}

static void in_child(void (*body)(void)) {
    record = mmap(NULL, RECORD_BYTES, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert_ptr_not_equal(record, MAP_FAILED);
    pid_t pid = fork_child();
    if (pid == 0) {
        proc_self = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        body();
        _exit(0);
    }
    wait_for(pid);
    munmap(record, RECORD_BYTES);
}

/* The same again for a child of the child, whose failure is the child's. */
static void in_grandchild(void (*body)(void)) {
    int status;
    pid_t pid = fork_child();
    if (pid == 0) {
        body();
        _exit(0);
    }
    CHECK(waitpid(pid, &status, 0) == pid);
    if (status)
        _exit(1);
}

static struct snapshot_report take(void) {
    struct snapshot_report report = {0};
    CHECK(snapshot_take(proc_self, &report) == 0);
    return report;
}

static unsigned char *map(size_t pages, int protection, int flags, int fd) {
    unsigned char *memory = mmap(NULL, pages * PAGE, protection, flags, fd, 0);
    CHECK(memory != MAP_FAILED);
    return memory;
}

static unsigned char *map_anonymous(size_t pages) {
    return map(pages, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

static void fill(unsigned char *memory, size_t size, unsigned seed) {
    for (size_t i = 0; i < size; i++)
        memory[i] = (unsigned char)((seed + i) * 2654435761U >> 13);
}

/* A file of four pages, of which nothing else knows. */
static int make_file(void) {
    static unsigned char text[4 * PAGE_MOST];
    char name[] = "/tmp/test-snapshot-XXXXXX";
    int fd = mkstemp(name);
    CHECK(fd >= 0 && unlink(name) == 0);
    fill(text, 4 * PAGE, 77);
    CHECK(write(fd, text, 4 * PAGE) == (ssize_t)(4 * PAGE));
    return fd;
}

/* Nothing but the record changes while one is made: no stdio, no heap, no static buffer. */
static void read_maps(int which) {
    int fd = openat(proc_self, "maps", O_RDONLY | O_CLOEXEC);
    size_t size = 0;
    for (ssize_t n; (n = read(fd, record->text + size, sizeof(record->text) - 1 - size)) > 0;)
        size += (size_t)n;
    close(fd);
    record->text[size] = 0;
    size_t count = 0;
    for (char *line = record->text; *line; line = strchr(line, '\n') + 1) {
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
        struct mapping *last = count ? &record->mappings[which][count - 1] : NULL;
        /* Where a mapping ends is not what is compared, only what each page is. */
        if (last && last->end == one.start && memcmp(last->mode, one.mode, 4) == 0 &&
            (which == 1 || last->kind[0] == one.kind[0]))
            last->end = one.end;
        else if (count < MAPPINGS_MOST)
            record->mappings[which][count++] = one;
    }
    record->count[which] = count;
}

/* The stack changes while it is looked at, and the kernel's own pages are not memory. */
static bool is_compared(const struct mapping *mapping) {
    unsigned long here = (unsigned long)&mapping;
    return mapping->mode[0] == 'r' && mapping->mode[3] == 'p' && mapping->kind[0] != 'k' &&
           mapping->end <= here;
}

static void record_before(void) {
    /* The kernel writes into libc's memory on which processor a thread runs (rseq(2)): stay on one.
     */
    cpu_set_t here;
    CPU_ZERO(&here);
    CPU_SET((size_t)sched_getcpu(), &here);
    CHECK(sched_setaffinity(0, sizeof(here), &here) == 0);
    read_maps(0);
    record->error = errno;
    for (size_t i = 0; i < record->count[0]; i++) {
        const struct mapping *mapping = &record->mappings[0][i];
        size_t size = mapping->end - mapping->start;
        if (!is_compared(mapping))
            continue;
        CHECK(sizeof(*record) + record->size + size < RECORD_BYTES);
        memcpy(record->bytes + record->size, (const void *)mapping->start, size);
        record->size += size;
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
    const struct mapping *after = record->mappings[1];
    read_maps(1);
    size_t bytes[2] = {0};
    for (int which = 0; which < 2; which++)
        for (size_t i = 0; i < record->count[which]; i++)
            bytes[which] += record->mappings[which][i].end - record->mappings[which][i].start;
    CHECK(record->count[0] > 0 && bytes[0] == bytes[1]);
    for (size_t i = 0; i < record->count[0]; i++) {
        const struct mapping *before = &record->mappings[0][i];
        for (unsigned long at = before->start; at < before->end; at = after->end) {
            while (after < record->mappings[1] + record->count[1] && after->end <= at)
                after++;
            CHECK(after < record->mappings[1] + record->count[1] && after->start <= at);
            CHECK(is_same_mode(before, after->mode));
        }
    }
}

static void compare_after(void) {
    size_t at = 0;
    errno = record->error;
    for (size_t i = 0; i < record->count[0]; i++) {
        const struct mapping *mapping = &record->mappings[0][i];
        size_t size = mapping->end - mapping->start;
        if (!is_compared(mapping))
            continue;
        CHECK(memcmp(record->bytes + at, (const void *)mapping->start, size) == 0);
        at += size;
    }
    CHECK(at == record->size && at > 0);
    compare_protections();
}

/* ---- the cases ---- */

/* One of every kind of mapping that a process can have. */
struct scene {
    unsigned char *heap, *holes, *read_only, *hidden, *shared, *file, *clean_file, *file_shared;
    unsigned char *code, *huge, *wiped, *not_forked, *between;
};
enum { HEAP_BYTES = 8 << 20, HOLE_PAGES = 1790, HUGE_PAGES = 1024 };

static void make_holes(unsigned char *memory) {
    /* Runs of 1, 255, 256, 257 and many untouched pages, at the start, the middle and the end. */
    static const int touched[] = {1, 2, 258, 515, 773, 774, 1374, 1390};
    for (size_t i = 0; i < sizeof(touched) / sizeof(touched[0]); i++)
        fill(memory + (size_t)touched[i] * PAGE, PAGE, (unsigned)i);
    /* Read but never written: the kernel's page of zeros. */
    CHECK(*(volatile unsigned char *)(memory + 1100 * PAGE) == 0);
}

static unsigned char *make_code(void) {
#if defined(__x86_64__)
    static const unsigned char answer[] = {0xb8, 42, 0, 0, 0, 0xc3}; /* mov $42, %eax; ret */
#else
    static const unsigned char answer[] = {0x40, 0x05, 0x80, 0x52, 0xc0, 0x03, 0x5f, 0xd6};
#endif
    unsigned char *memory = map_anonymous(1);
    memcpy(memory, answer, sizeof(answer));
    CHECK(mprotect(memory, PAGE, PROT_READ | PROT_EXEC) == 0);
    __builtin___clear_cache((char *)memory, (char *)memory + PAGE);
    return memory;
}

static int call(unsigned char *code) {
    int (*function)(void);
    memcpy(&function, &code, sizeof(function));
    return function();
}

static struct scene make_scene(void) {
    struct scene scene = {.heap = malloc(HEAP_BYTES), .holes = map_anonymous(HOLE_PAGES)};
    int fd = make_file();
    fill(scene.heap, HEAP_BYTES, 1);
    make_holes(scene.holes);
    scene.read_only = map_anonymous(4);
    fill(scene.read_only, 4 * PAGE, 2);
    CHECK(mprotect(scene.read_only, 4 * PAGE, PROT_READ) == 0);
    scene.hidden = map_anonymous(2);
    fill(scene.hidden, 2 * PAGE, 3);
    CHECK(mprotect(scene.hidden, 2 * PAGE, PROT_NONE) == 0);
    scene.shared = map(2, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1);
    fill(scene.shared, 2 * PAGE, 4);
    scene.file = map(4, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd);
    fill(scene.file + PAGE, PAGE, 5);
    scene.clean_file = map(4, PROT_READ, MAP_PRIVATE, fd);
    scene.file_shared = map(4, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
    scene.code = make_code();
    scene.huge = map_anonymous(HUGE_PAGES);
    madvise(scene.huge, HUGE_PAGES * PAGE, MADV_HUGEPAGE); /* a wish; without it just memory */
    fill(scene.huge, HUGE_PAGES * PAGE, 6);
    scene.wiped = map_anonymous(1);
    fill(scene.wiped, PAGE, 7);
    CHECK(madvise(scene.wiped, PAGE, MADV_WIPEONFORK) == 0);
    scene.not_forked = map_anonymous(1);
    fill(scene.not_forked, PAGE, 8);
    CHECK(madvise(scene.not_forked, PAGE, MADV_DONTFORK) == 0);
    /* One mapping that was cut into three protections. */
    scene.between = map_anonymous(3);
    fill(scene.between, 3 * PAGE, 9);
    CHECK(mprotect(scene.between + PAGE, PAGE, PROT_READ) == 0);
    close(fd);
    return scene;
}

static void check_every_byte(void) {
    struct scene scene = make_scene();
    record_before();
    struct snapshot_report report = {0};
    int r = snapshot_take(proc_self, &report);
    compare_after();
    CHECK(r == 0);
    CHECK(report.copied_bytes >= HEAP_BYTES + HUGE_PAGES * PAGE && report.ranges >= 6);
    CHECK(call(scene.code) == 42);
}

static void test_every_byte_and_protection_stays(void **state) {
    (void)state;
    in_child(check_every_byte);
}

/* The control of the comparison: it sees a byte, and a protection. */
static void spoil_byte(void) {
    struct scene scene = make_scene();
    record_before();
    scene.holes[136 * PAGE + 5] ^= 1;
    compare_after();
}

static void spoil_protection(void) {
    struct scene scene = make_scene();
    record_before();
    mprotect(scene.between, PAGE, PROT_READ);
    compare_after();
}

static void expect_failure(void (*body)(void)) {
    int status;
    record = mmap(NULL, RECORD_BYTES, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert_ptr_not_equal(record, MAP_FAILED);
    pid_t pid = fork_child();
    if (pid == 0) {
        proc_self = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        body();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_non_null(record->failed);
    assert_true(strstr(record->failed, "record->") || strstr(record->failed, "is_same_mode"));
    munmap(record, RECORD_BYTES);
}

static void test_the_comparison_can_fail(void **state) {
    (void)state;
    expect_failure(spoil_byte);
    expect_failure(spoil_protection);
}

static void check_anonymous_memory(void) {
    make_scene();
    long before = snapshot_anonymous_kb(proc_self);
    take();
    long after = snapshot_anonymous_kb(proc_self);
    CHECK(before > (long)(HEAP_BYTES + HUGE_PAGES * PAGE) / 1024);
    CHECK(after >= 0 && after < 400);
}

static void test_anonymous_memory_falls(void **state) {
    (void)state;
    in_child(check_anonymous_memory);
}

static bool faults(volatile unsigned char *byte, bool by_writing) {
    int status;
    pid_t pid = fork_child();
    if (pid == 0) {
        if (by_writing)
            *byte = 1;
        else
            (void)*byte;
        _exit(0);
    }
    CHECK(waitpid(pid, &status, 0) == pid);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
}

static void check_what_is_forbidden(void) {
    struct scene scene = make_scene();
    take();
    CHECK(faults(scene.read_only, true) && !faults(scene.read_only, false));
    CHECK(faults(scene.hidden, false));
    CHECK(faults(scene.code, true));
    CHECK(faults(scene.clean_file, true));
    CHECK(faults(scene.between + PAGE, true) && !faults(scene.between + 2 * PAGE, true));
    /* What was hidden is still there for the one who may look. */
    CHECK(mprotect(scene.hidden, 2 * PAGE, PROT_READ) == 0);
    unsigned char expected[2 * PAGE_MOST];
    fill(expected, 2 * PAGE, 3);
    CHECK(memcmp(scene.hidden, expected, 2 * PAGE) == 0);
    CHECK(mprotect(scene.read_only, PAGE, PROT_READ | PROT_WRITE) == 0);
    scene.read_only[0] ^= 1;
}

static void test_protections_hold(void **state) {
    (void)state;
    in_child(check_what_is_forbidden);
}

static struct scene scene_of_all; /* for bodies that have no argument */

static void write_to_shared(void) {
    scene_of_all.shared[0] = 200;
    scene_of_all.file_shared[0] = 201;
}

static void check_shared_and_fork_advice(void) {
    scene_of_all = make_scene();
    take();
    in_grandchild(write_to_shared);
    CHECK(scene_of_all.shared[0] == 200 && scene_of_all.file_shared[0] == 201);
    /* A clean private mapping stays with its file and shows what is written there. */
    CHECK(scene_of_all.clean_file[0] == 201);
    CHECK(faults(scene_of_all.not_forked, false));
    pid_t pid = fork_child();
    if (pid == 0)
        _exit(scene_of_all.wiped[0] | scene_of_all.wiped[PAGE - 1]);
    int status;
    CHECK(waitpid(pid, &status, 0) == pid && status == 0);
    unsigned char expected[PAGE_MOST];
    fill(expected, PAGE, 7);
    CHECK(memcmp(scene_of_all.wiped, expected, PAGE) == 0 && expected[0] | expected[PAGE - 1]);
}

static void test_shared_memory_and_fork_advice_stay(void **state) {
    (void)state;
    in_child(check_shared_and_fork_advice);
}

static int initialised = 7; /* .data */

/* Everywhere that can be written: is as the snapshot left it, then is not. */
static void write_everywhere(void) {
    struct scene *scene = &scene_of_all;
    unsigned char expected[PAGE_MOST];
    CHECK(initialised == 7);
    fill(expected, PAGE, 1);
    CHECK(memcmp(scene->heap, expected, PAGE) == 0);
    fill(expected, PAGE, 5);
    CHECK(memcmp(scene->file + PAGE, expected, PAGE) == 0);
    CHECK(scene->holes[100 * PAGE] == 0 && scene->holes[199 * PAGE] == 0);
    initialised = 8;
    fill(scene->file + PAGE, PAGE, 1000);
    fill(scene->heap, HEAP_BYTES, 1001);
    fill(scene->holes, HOLE_PAGES * PAGE, 1002);
    fill(scene->huge, HUGE_PAGES * PAGE, 1003);
    fill(expected, PAGE, 1002);
    CHECK(memcmp(scene->holes, expected, PAGE) == 0);
    char *more = malloc(3 << 20), *small = malloc(100);
    CHECK(more && small);
    memset(more, 1, 3 << 20);
    free(more);
    free(small);
    free(scene->heap);
}

static void check_forks(void) {
    scene_of_all = make_scene();
    record_before();
    struct snapshot_report report;
    int r = snapshot_take(proc_self, &report);
    /* One after the other, and side by side. */
    pid_t first = fork_child();
    if (first == 0) {
        write_everywhere();
        _exit(0);
    }
    in_grandchild(write_everywhere);
    int status;
    CHECK(waitpid(first, &status, 0) == first && status == 0);
    in_grandchild(write_everywhere);
    compare_after();
    CHECK(r == 0);
    /* And this process itself, and what it forks after that. */
    write_everywhere();
    initialised = 7;
    CHECK(scene_of_all.holes[5] == (unsigned char)((1002U + 5) * 2654435761U >> 13));
}

static void test_forks_do_not_reach_each_other(void **state) {
    (void)state;
    in_child(check_forks);
}

static int count_links_to_image(void) {
    char path[64], target[256];
    int count = 0;
    for (int fd = 0; fd < 1024; fd++) {
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        ssize_t size = readlink(path, target, sizeof(target) - 1);
        if (size <= 0)
            continue;
        target[size] = 0;
        count += strstr(target, "zygote-image") != NULL;
    }
    return count;
}

static void check_image(void) {
    scene_of_all = make_scene();
    take();
    int image = record->image;
    CHECK(count_links_to_image() == 1); /* the one that this test kept */
    CHECK(fcntl(image, F_GET_SEALS) == ALL_SEALS);
    off_t at = (off_t)(uintptr_t)scene_of_all.huge;
    unsigned char byte = 0;
    CHECK(pread(image, &byte, 1, at) == 1 && byte == scene_of_all.huge[0]);
    CHECK(pwrite(image, &byte, 1, at) == -1 && errno == EPERM);
    CHECK(ftruncate(image, 0) == -1 && errno == EPERM);
    CHECK(fallocate(image, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, PAGE) == -1 &&
          errno == EPERM);
    CHECK(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, image, at) == MAP_FAILED &&
          errno == EPERM);
    /* A shared mapping for reading cannot be made writable later. */
    void *look = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, image, at);
    CHECK(look == MAP_FAILED || mprotect(look, PAGE, PROT_READ | PROT_WRITE) == -1);
    /* Past the protections, as a debugger writes: the copy is this process's own. */
    int memory = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
    byte = (unsigned char)~scene_of_all.read_only[0];
    CHECK(pwrite(memory, &byte, 1, (off_t)(uintptr_t)scene_of_all.read_only) == 1);
    CHECK(scene_of_all.read_only[0] == byte);
    CHECK(pread(image, &byte, 1, (off_t)(uintptr_t)scene_of_all.read_only) == 1);
    CHECK((unsigned char)~byte == scene_of_all.read_only[0]);
}

static void test_image_cannot_be_written(void **state) {
    (void)state;
    in_child(check_image);
}

/* ---- the plan ---- */

static void check_plan(void) {
    struct scene scene = make_scene();
    struct snapshot_plan plan;
    CHECK(snapshot_plan_make(proc_self, &plan) == 0);
    const unsigned char *left_alone[] = {scene.hidden,      scene.shared,  scene.clean_file,
                                         scene.file_shared, scene.wiped,   scene.not_forked,
                                         (void *)&scene,    (void *)record};
    unsigned long holes = (unsigned long)scene.holes, covered = 0;
    bool fresh[HOLE_PAGES] = {0};
    for (size_t i = 0; i < plan.count; i++) {
        const struct snapshot_range *range = &plan.ranges[i];
        CHECK(range->start < range->end && range->start % PAGE == 0 && range->end % PAGE == 0);
        CHECK(i == 0 || plan.ranges[i - 1].end <= range->start);
        for (size_t j = 0; j < sizeof(left_alone) / sizeof(left_alone[0]); j++)
            CHECK((unsigned long)left_alone[j] < range->start ||
                  (unsigned long)left_alone[j] >= range->end);
        for (size_t page = 0; page < HOLE_PAGES; page++) {
            unsigned long address = holes + page * PAGE;
            if (range->start <= address && address < range->end) {
                fresh[page] = range->action == SNAPSHOT_FRESH;
                covered++;
            }
        }
    }
    CHECK(covered == HOLE_PAGES);
    CHECK(!fresh[0] && !fresh[1] && !fresh[10] && !fresh[257]);    /* 255 untouched: copied */
    CHECK(!fresh[258] && fresh[259] && fresh[514] && !fresh[515]); /* 256 */
    CHECK(fresh[516] && fresh[772] && !fresh[773] && !fresh[774]); /* 257 */
    CHECK(fresh[775] && fresh[1110] && fresh[1373] && !fresh[1374] && !fresh[1380]);
    CHECK(fresh[1391] && fresh[1789]); /* up to the end */
    snapshot_plan_done(&plan);
    CHECK(plan.ranges == NULL && plan.count == 0);
}

static void test_plan(void **state) {
    (void)state;
    in_child(check_plan);
}

/* ---- failures before the first range is replaced ---- */

static void check_untouched(int expected, int directory) {
    static const struct snapshot_report none = {.copied_bytes = 99, .ranges = 98};
    struct snapshot_report report = none;
    record_before();
    int r = snapshot_take(directory, &report);
    compare_after();
    CHECK(r == expected);
    CHECK(memcmp(&report, &none, sizeof(none)) == 0);
    CHECK(snapshot_anonymous_kb(proc_self) > HEAP_BYTES / 1024);
    if (record->image)
        close(record->image);
    CHECK(count_links_to_image() == 0);
    write_everywhere();
}

static void check_no_image(void) {
    scene_of_all = make_scene();
    image_is_refused = true;
    check_untouched(-EMFILE, proc_self);
}

static void check_no_proc(void) {
    scene_of_all = make_scene();
    int elsewhere = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    check_untouched(-EIO, elsewhere);
}

static void check_no_room(void) {
    struct rlimit limit = {.rlim_cur = 1 << 20, .rlim_max = RLIM_INFINITY};
    scene_of_all = make_scene();
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
    check_untouched(-EFBIG, proc_self);
}

static void test_a_failure_leaves_everything(void **state) {
    (void)state;
    in_child(check_no_image);
    in_child(check_no_proc);
    in_child(check_no_room);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_byte_and_protection_stays),
        cmocka_unit_test(test_the_comparison_can_fail),
        cmocka_unit_test(test_anonymous_memory_falls),
        cmocka_unit_test(test_protections_hold),
        cmocka_unit_test(test_shared_memory_and_fork_advice_stay),
        cmocka_unit_test(test_forks_do_not_reach_each_other),
        cmocka_unit_test(test_image_cannot_be_written),
        cmocka_unit_test(test_plan),
        cmocka_unit_test(test_a_failure_leaves_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
