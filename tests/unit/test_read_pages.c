/* read_pages: what a fork finds in its page table, that memory and protections are as before, and
 * that nothing happens when the exercise fails. Each case runs in a child, since all of a process's
 * mappings are looked at. */
#include <errno.h>
#include <fcntl.h>
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
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "large_pages.h"
#include "read_pages.h"
#include "snapshot.h"

#define PAGES 1536 /* with pages of 4 KiB, three large ones */
#define PAGEMAP_PRESENT (1ULL << 63)

enum { READ_1 = 3, READ_2 = 20, READ_3 = 700, WRITTEN = 100, OWN = 1200, NEIGHBOUR = 22 };

static size_t page_bytes;
static unsigned char *scene; /* a private mapping of a file, as the image is */
static bool is_large;        /* its file is in large pages, if the kernel has them */
static int protection = PROT_READ | PROT_WRITE;
static char modes[2][1 << 20];

/* A condition that fails ends the child with its line. */
#define MUST(condition) ((condition) ? (void)0 : fail_at(__LINE__))

static void fail_at(int line) {
    fprintf(stderr, "line %d\n", line);
    _exit(1);
}

static unsigned char *page(int number) {
    return scene + (size_t)number * page_bytes;
}

static void make_scene(void) {
    page_bytes = (size_t)getpagesize();
    int file = memfd_create("scene", MFD_CLOEXEC);
    MUST(file >= 0 && ftruncate(file, (off_t)(PAGES * page_bytes)) == 0);
    for (int i = 0; i < PAGES; i++) {
        unsigned char mark = (unsigned char)i;
        MUST(pwrite(file, &mark, 1, (off_t)((size_t)i * page_bytes)) == 1);
    }
    /* Aligned, since a large page can only be mapped whole where it is. */
    unsigned char *room = mmap(NULL, PAGES * page_bytes + LARGE_PAGE_BYTES, PROT_NONE,
                               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    MUST(room != MAP_FAILED);
    scene = room + (-(uintptr_t)room & (LARGE_PAGE_BYTES - 1));
    MUST(mmap(scene, PAGES * page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, file,
              0) == scene);
    if (protection & PROT_WRITE)
        *page(OWN) = 0xAB;
    struct snapshot_range all = {0, PAGES * page_bytes, protection, SNAPSHOT_COPY};
    if (is_large)
        is_large = large_pages_make(file, &(struct snapshot_plan){&all, 1, 1}) == 3;
    MUST(mprotect(scene, PAGES * page_bytes, protection) == 0);
}

static void exercise(void *context) {
    volatile unsigned char *kept = context;
    *kept = *page(READ_1) | *page(READ_2) | *page(READ_3);
    if (protection & PROT_WRITE)
        *page(WRITTEN) = 1;
}

static void die(void *context) {
    exercise(context);
    raise(SIGKILL);
}

static void fault(void *context) {
    exercise(context);
    raise(SIGSEGV); /* at no page that was closed */
}

static bool is_present(int number) {
    uint64_t entry = 0;
    int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    MUST(pagemap >= 0);
    MUST(pread(pagemap, &entry, 8, (off_t)((size_t)page(number) / page_bytes * 8)) == 8);
    close(pagemap);
    return entry & PAGEMAP_PRESENT;
}

/* A letter for each page that is mapped: its protection. */
static void note_modes(char *modes_of) {
    static char line[4096];
    FILE *maps = fopen("/proc/self/maps", "re");
    MUST(maps);
    size_t at = 0;
    unsigned long start, end;
    char mode[5];
    while (fgets(line, sizeof(line), maps))
        if (strstr(line, "/") && sscanf(line, "%lx-%lx %4s", &start, &end, mode) == 3)
            for (; start < end && at < sizeof(modes[0]) - 1; start += page_bytes)
                modes_of[at++] =
                    (char)('a' + (mode[0] == 'r') + 2 * (mode[1] == 'w') + 4 * (mode[2] == 'x'));
    fclose(maps);
    modes_of[at] = 0;
}

static size_t shared_after(void (*what)(void *context)) {
    static unsigned char kept;
    int proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    size_t shared = 999;
    make_scene();
    note_modes(modes[0]);
    MUST(proc >= 0 && read_pages_share(proc, what, &kept, &shared) == 0);
    note_modes(modes[1]);
    return shared;
}

static void check_memory(void) {
    MUST(strcmp(modes[0], modes[1]) == 0);
    for (int i = 0; i < PAGES; i++)
        MUST(*page(i) == (i == OWN && (protection & PROT_WRITE) ? 0xAB : (unsigned char)i));
}

static void check_fork(void) {
    MUST(shared_after(exercise) >= 3);
    pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (child == 0) {
        MUST(is_present(READ_1) && is_present(READ_2) && is_present(READ_3));
        MUST(!is_present(NEIGHBOUR) && !is_present(WRITTEN + 1));
        check_memory();
        _exit(0);
    }
    int status;
    MUST(waitpid(child, &status, 0) == child && status == 0);
    check_memory();
}

/* It would not be dense if what lies around were mapped with it. */
static void check_large_fork(void) {
    is_large = true;
    check_fork();
}

/* What nobody writes is left to the fork: one fault has all of a large page. */
static void check_large_code(void) {
    is_large = true;
    protection = PROT_READ | PROT_EXEC;
    size_t shared = shared_after(exercise);
    check_memory();
    pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
    if (child == 0) {
        MUST(is_present(READ_1) == !is_large);
        MUST(!is_large || (*(volatile unsigned char *)page(READ_1) == READ_1 &&
                           is_present(READ_2) && is_present(NEIGHBOUR)));
        _exit(0);
    }
    int status;
    MUST(waitpid(child, &status, 0) == child && status == 0 && (is_large || shared >= 3));
}

static void check_killed(void) {
    MUST(shared_after(die) == 0);
    MUST(!is_present(READ_3));
    check_memory();
}

static void check_fault(void) {
    MUST(shared_after(fault) == 0);
    check_memory();
}

static void in_child(void (*check)(void)) {
    int status;
    pid_t child = fork();
    if (child == 0) {
        check();
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void test_a_fork_has_the_pages(void **state) {
    (void)state;
    in_child(check_fork);
}

static void test_large_pages(void **state) {
    (void)state;
    in_child(check_large_fork);
    in_child(check_large_code);
}

static void test_an_exercise_that_fails_changes_nothing(void **state) {
    (void)state;
    in_child(check_killed);
    in_child(check_fault);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_fork_has_the_pages),
        cmocka_unit_test(test_large_pages),
        cmocka_unit_test(test_an_exercise_that_fails_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
