/* python_arenas: see python_arenas.h. Places are asked for, not insisted on: where something else
 * lies already, the kernel gives another one. */
#include <Python.h>

#include "python_arenas.h"

#include <stdbool.h>
#include <sys/mman.h>

/* Address space only, between what was mapped before and what will be: mmap(2) gives the highest
 * that is free, so this is used up from the other end. */
#define APART_BYTES (1UL << 30)
#define HOLES_MOST 64

/* What was given back between two that are still there. CPython takes stacks of frames by these
 * functions as well, smaller than arenas and not for long: where nothing filled their places again,
 * each would cut the arenas into one mapping more. */
static struct {
    char *start;
    size_t size;
} holes[HOLES_MOST];

static char *next_place;

static void *map_at(char *place, size_t size) {
    return mmap(place, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void *take_hole(size_t size) {
    for (unsigned i = 0; i < HOLES_MOST; i++) {
        if (holes[i].size < size)
            continue;
        void *arena = map_at(holes[i].start, size);
        bool is_free = arena == holes[i].start; /* else somebody else is in it */
        holes[i].start += size;
        holes[i].size = is_free ? holes[i].size - size : 0;
        return arena;
    }
    return NULL;
}

static void *take_arena(void *context, size_t size) {
    (void)context;
    void *arena = take_hole(size);
    if (!arena) {
        arena = map_at(next_place, size);
        if (arena == next_place)
            next_place += size;
    }
    return arena == MAP_FAILED ? NULL : arena;
}

static void note_hole(char *start, size_t size) {
    for (unsigned i = 0; i < HOLES_MOST; i++)
        if (holes[i].size == 0) {
            holes[i].start = start;
            holes[i].size = size;
            return;
        }
}

static void give_arena(void *context, void *arena, size_t size) {
    (void)context;
    munmap(arena, size);
    if ((char *)arena + size == next_place)
        next_place = arena;
    else
        note_hole(arena, size);
}

void python_arenas_begin(void) {
    PyObjectArenaAllocator allocator = {.alloc = take_arena, .free = give_arena};
    void *apart = mmap(NULL, APART_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (apart == MAP_FAILED)
        return;
    munmap(apart, APART_BYTES);
    next_place = apart;
    PyObject_SetArenaAllocator(&allocator);
}
