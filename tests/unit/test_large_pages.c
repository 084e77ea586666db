/* large_pages: which parts of an image get them, that its bytes stay, and that a hole stays a hole.
 * A kernel that has none leaves everything in small pages: what this one can is tried beside. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "large_pages.h"
#include "snapshot.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

#define LARGE LARGE_PAGE_BYTES
#define BASE (0x7f0000000000UL) /* offsets are addresses */

static struct snapshot_range ranges[] = {
    /* The end of one, two whole, the beginning of a fourth. */
    {BASE + LARGE / 2, BASE + 3 * LARGE + LARGE / 4, PROT_READ, SNAPSHOT_COPY},
    /* The rest of that one, with a hole of a sixteenth. */
    {BASE + 3 * LARGE + LARGE / 16 * 5, BASE + 4 * LARGE, PROT_READ, SNAPSHOT_COPY},
    /* One of which a quarter is not copied. */
    {BASE + 5 * LARGE, BASE + 5 * LARGE + LARGE / 2, PROT_READ, SNAPSHOT_COPY},
    {BASE + 5 * LARGE + LARGE / 2, BASE + 5 * LARGE + LARGE / 4 * 3, PROT_READ, SNAPSHOT_FRESH},
    {BASE + 5 * LARGE + LARGE / 4 * 3, BASE + 6 * LARGE, PROT_READ, SNAPSHOT_COPY},
    /* One that is not copied, and one whole as the last. */
    {BASE + 6 * LARGE, BASE + 7 * LARGE, PROT_READ, SNAPSHOT_PROTECT},
    {BASE + 7 * LARGE, BASE + 8 * LARGE, PROT_READ, SNAPSHOT_COPY},
};
enum { EXPECTED = 4 };

static const struct snapshot_plan plan = {.ranges = ranges,
                                          .count = sizeof(ranges) / sizeof(ranges[0])};

static uint64_t word_at(unsigned long offset) {
    return offset * 0x9e3779b97f4a7c15UL;
}

static int make_image(void) {
    static uint64_t page[512];
    int image = memfd_create("image", MFD_CLOEXEC);
    assert_true(image >= 0);
    assert_int_equal(ftruncate(image, 1L << 48), 0);
    for (size_t i = 0; i < plan.count; i++)
        for (unsigned long at = ranges[i].start;
             ranges[i].action == SNAPSHOT_COPY && at < ranges[i].end; at += sizeof(page)) {
            for (size_t k = 0; k < 512; k++)
                page[k] = word_at(at + k * 8);
            assert_int_equal(pwrite(image, page, sizeof(page), (off_t)at), sizeof(page));
        }
    return image;
}

static void compare_image(int image) {
    static uint64_t page[512];
    for (size_t i = 0; i < plan.count; i++)
        for (unsigned long at = ranges[i].start; at < ranges[i].end; at += sizeof(page)) {
            assert_int_equal(pread(image, page, sizeof(page), (off_t)at), sizeof(page));
            for (size_t k = 0; k < 512; k++)
                assert_int_equal(page[k],
                                 ranges[i].action == SNAPSHOT_COPY ? word_at(at + k * 8) : 0);
        }
}

static long image_kb(int image) {
    struct stat status;
    assert_int_equal(fstat(image, &status), 0);
    return status.st_blocks / 2;
}

/* On a file of its own. */
static bool kernel_has_them(void) {
    int file = memfd_create("trial", MFD_CLOEXEC);
    assert_true(file >= 0 && ftruncate(file, 2 * LARGE) == 0);
    char *memory = mmap(NULL, 3 * LARGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *start = (char *)(((uintptr_t)memory + LARGE - 1) & ~(LARGE - 1));
    assert_ptr_equal(mmap(start, LARGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, file, 0),
                     start);
    memset(start, 1, LARGE);
    bool has = getpagesize() == 4096 && madvise(start, LARGE, MADV_COLLAPSE) == 0;
    munmap(memory, 3 * LARGE);
    close(file);
    return has;
}

static void test_what_is_dense_becomes_large(void **state) {
    (void)state;
    int image = -1;
    long before_kb = 0;
    bool has_them = false, as_expected = false;
    /* A kernel that has them may find none at some moment: madvise(2), MADV_COLLAPSE. */
    for (int i = 0; i < 5 && !as_expected; i++) {
        if (i > 0)
            close(image);
        image = make_image();
        before_kb = image_kb(image);
        has_them = kernel_has_them();
        errno = EDOM;
        as_expected = large_pages_make(image, &plan) == (has_them ? EXPECTED : 0);
        assert_int_equal(errno, EDOM);
    }
    assert_true(as_expected);
    compare_image(image);
    /* The small hole has become memory, the others have not. */
    assert_int_equal(image_kb(image) - before_kb, has_them ? LARGE / 16 / 1024 : 0);
    close(image);
}

static void test_the_image_can_be_sealed_then(void **state) {
    (void)state;
    int image = memfd_create("image", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    assert_true(image >= 0 && ftruncate(image, 1L << 48) == 0);
    large_pages_make(image, &plan);
    assert_int_equal(fcntl(image, F_ADD_SEALS, F_SEAL_WRITE), 0);
    close(image);
}

static void test_an_image_that_is_none(void **state) {
    (void)state;
    assert_int_equal(large_pages_make(-1, &plan), 0);
    assert_int_equal(large_pages_make(-1, &(struct snapshot_plan){0}), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_dense_becomes_large),
        cmocka_unit_test(test_the_image_can_be_sealed_then),
        cmocka_unit_test(test_an_image_that_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
