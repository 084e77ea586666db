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

#include "read_pages.h"

#define PAGES 256
#define PAGEMAP_PRESENT (1ULL << 63)

enum { READ_1 = 3, READ_2 = 20, READ_3 = 200, WRITTEN = 100, OWN = 5, NEIGHBOUR = 22 };

static size_t page_bytes;
static unsigned char *scene; /* a private mapping of a file, as the image is */
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
    scene = mmap(NULL, PAGES * page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
    MUST(scene != MAP_FAILED);
    *page(OWN) = 0xAB;
}

static void exercise(void *context) {
    volatile unsigned char *kept = context;
    *kept = *page(READ_1) | *page(READ_2) | *page(READ_3);
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
        MUST(*page(i) == (i == OWN ? 0xAB : (unsigned char)i));
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

static void test_an_exercise_that_fails_changes_nothing(void **state) {
    (void)state;
    in_child(check_killed);
    in_child(check_fault);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_fork_has_the_pages),
        cmocka_unit_test(test_an_exercise_that_fails_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
