/* snapshot: the image can be written by nobody, forks that write do not reach each other through
 * it, and where it cannot be made everything is left as it was. This file has its own
 * memfd_create(), which keeps a second descriptor of the image, the only way to look at what
 * snapshot_take() closes. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <cmocka.h>

#include "snapshot.h"
#include "snapshot_compare.h"
#include "snapshot_scene.h"

#define ALL_SEALS (F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL)

/* A number that is known beforehand: a variable is memory, which a snapshot must not change. */
#define KEPT_IMAGE 100

static bool image_is_refused;

int memfd_create(const char *name, unsigned flags) {
    if (image_is_refused) {
        errno = EMFILE;
        return -1;
    }
    int fd = (int)syscall(SYS_memfd_create, name, flags);
    dup3(fd, KEPT_IMAGE, O_CLOEXEC);
    return fd;
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

static struct scene scene_of_all; /* for bodies that have no argument */

static void check_image(void) {
    struct snapshot_report report;
    scene_of_all = make_scene();
    CHECK(snapshot_take(proc_self, &report) == 0);
    int image = KEPT_IMAGE;
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

/* ---- forks ---- */

/* In a child of the child, whose failure is the child's. */
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
    close(KEPT_IMAGE); /* if there is one */
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
        cmocka_unit_test(test_image_cannot_be_written),
        cmocka_unit_test(test_forks_do_not_reach_each_other),
        cmocka_unit_test(test_a_failure_leaves_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
