/* hot_pages: finds what an exercise wrote, in the memory of a file that is mapped privately, makes
 * it a fork's own without changing it, and stops when there is something else to do. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "hot_pages.h"

#define PAGES 400
#define PAGEMAP_PRESENT (1ULL << 63)
#define PAGEMAP_SHARED (1ULL << 61)

static size_t page_bytes;
static unsigned char *scene;
static int proc;

static unsigned char *page(int number) {
    return scene + (size_t)number * page_bytes;
}

static void map_scene(int file) {
    scene = mmap(scene, PAGES * page_bytes, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | (scene ? MAP_FIXED : 0), file, 0);
    assert_ptr_not_equal(scene, MAP_FAILED);
}

/* Each page has its number in it; none is anybody's own. */
static int set_up(void **state) {
    (void)state;
    page_bytes = (size_t)getpagesize();
    proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int file = memfd_create("scene", MFD_CLOEXEC);
    assert_true(file >= 0 && proc >= 0);
    assert_int_equal(ftruncate(file, (off_t)(PAGES * page_bytes)), 0);
    for (int i = 0; i < PAGES; i++)
        assert_int_equal(pwrite(file, &i, sizeof(i), (off_t)((size_t)i * page_bytes)), sizeof(i));
    map_scene(file);
    close(file);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    munmap(scene, PAGES * page_bytes);
    scene = NULL;
    return close(proc);
}

static bool is_own(int number) {
    uint64_t entry;
    int pagemap = openat(proc, "self/pagemap", O_RDONLY | O_CLOEXEC);
    off_t where = (off_t)((uintptr_t)page(number) / page_bytes * sizeof(entry));
    assert_int_equal(pread(pagemap, &entry, sizeof(entry), where), sizeof(entry));
    close(pagemap);
    return (entry & PAGEMAP_PRESENT) && !(entry & PAGEMAP_SHARED);
}

static int count_own(void) {
    int count = 0;
    for (int i = 0; i < PAGES; i++)
        count += is_own(i);
    return count;
}

static void assert_unchanged(void) {
    for (int i = 0; i < PAGES; i++)
        assert_memory_equal(page(i), &i, sizeof(i));
}

/* Two pages by themselves, and 200 in a row. */
static void exercise(void *context) {
    (void)context;
    *page(3) = *page(9) = 0xff;
    memset(page(100), 0xff, 200 * page_bytes);
}

/* Of the scene only: the heap of the test is no file's. */
static bool is_elsewhere(unsigned long start, unsigned long end) {
    return start < (uintptr_t)page(0) || end > (uintptr_t)page(PAGES);
}

static bool is_single(unsigned long start, unsigned long end) {
    return is_elsewhere(start, end) || end - start == page_bytes;
}

static struct hot_pages find(bool (*is_dropped)(unsigned long, unsigned long), size_t most) {
    struct hot_pages hot;
    assert_int_equal(hot_pages_find(proc, exercise, NULL, &hot), 0);
    hot_pages_reduce(&hot, is_dropped, most);
    assert_int_equal(count_own(), 0);
    return hot;
}

static void test_what_was_written_becomes_own(void **state) {
    (void)state;
    struct hot_pages hot = find(is_elsewhere, SIZE_MAX);
    assert_int_equal(hot.pages, 202);
    assert_int_equal(hot.count, 3);
    hot_pages_populate(&hot);
    assert_int_equal(count_own(), 202);
    assert_true(is_own(3) && is_own(9) && is_own(100) && is_own(299));
    assert_unchanged();
}

static void test_reduced(void **state) {
    (void)state;
    struct hot_pages hot = find(is_single, SIZE_MAX);
    assert_int_equal(hot.pages, 200);
    hot = find(is_elsewhere, 50);
    assert_int_equal(hot.pages, 50);
    hot_pages_populate(&hot);
    assert_int_equal(count_own(), 50);
    assert_true(is_own(3) && is_own(9) && is_own(147) && !is_own(148));
    hot_pages_reduce(&hot, is_elsewhere, 0);
    assert_int_equal(hot.count, 0);
}

static void test_goes_on_while_nothing_comes(void **state) {
    (void)state;
    int ends[2];
    struct hot_pages hot = find(is_elsewhere, SIZE_MAX);
    assert_int_equal(pipe(ends), 0);
    hot_pages_populate_until(&hot, ends[0]);
    assert_int_equal(count_own(), 202);
    assert_unchanged();
    close(ends[0]);
    close(ends[1]);
}

static void test_stops_when_something_comes(void **state) {
    (void)state;
    int ends[2];
    struct hot_pages hot = find(is_elsewhere, SIZE_MAX);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(write(ends[1], "x", 1), 1);
    hot_pages_populate_until(&hot, ends[0]);
    assert_int_equal(count_own(), 0);
    close(ends[0]);
    close(ends[1]);
}

static void test_an_end_stops_it_as_well(void **state) {
    (void)state;
    int ends[2];
    struct hot_pages hot = find(is_elsewhere, SIZE_MAX);
    assert_int_equal(pipe(ends), 0);
    close(ends[1]);
    hot_pages_populate_until(&hot, ends[0]);
    assert_int_equal(count_own(), 0);
    close(ends[0]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_what_was_written_becomes_own), TEST(test_reduced),
        TEST(test_goes_on_while_nothing_comes),  TEST(test_stops_when_something_comes),
        TEST(test_an_end_stops_it_as_well),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
