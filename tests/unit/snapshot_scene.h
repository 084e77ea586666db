/*
 * snapshot_scene: one of every kind of mapping that a process can have, filled so that each byte is
 * known. For the body of a test (snapshot_child.h).
 */
#ifndef SNAPSHOT_SCENE_H
#define SNAPSHOT_SCENE_H

#include <stdlib.h>
#include <string.h>

#include "snapshot_child.h"

#define PAGE_MOST 65536UL /* of any machine */

struct scene {
    unsigned char *heap, *holes, *read_only, *hidden, *shared, *file, *clean_file, *file_shared;
    unsigned char *code, *huge, *wiped, *not_forked, *between;
};
enum { HEAP_BYTES = 8 << 20, HOLE_PAGES = 1790, HUGE_PAGES = 1024 };

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

#endif
