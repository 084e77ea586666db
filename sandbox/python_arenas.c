/* python_arenas: see python_arenas.h. Places are asked for, not insisted on: where something else
 * lies already, the kernel gives another one. */
#include <Python.h>

#include "python_arenas.h"

#include <sys/mman.h>

/* Address space only, between what was mapped before and what will be: mmap(2) gives the highest
 * that is free, so this is used up from the other end. */
#define APART_BYTES (1UL << 30)

static char *next_place;

static void *take_arena(void *context, size_t size) {
    (void)context;
    void *arena =
        mmap(next_place, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (arena == MAP_FAILED)
        return NULL;
    if (arena == next_place)
        next_place += size;
    return arena;
}

static void give_arena(void *context, void *arena, size_t size) {
    (void)context;
    munmap(arena, size);
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
