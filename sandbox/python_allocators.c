/* python_allocators: CPython's own (Objects/obmalloc.c: pools of one size class, 16 to 512 bytes)
 * and libc's malloc(3), which has the larger ones. */
#include <Python.h>

#include "python_allocators.h"

#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#define CLASS_STEP 16
#define CLASS_LARGEST 512
/* So many places one after the other at the beginning of a pool, or of a part of it that is as
 * aligned: what a fork allocates lies on the page of the pool's header, which it writes anyway. */
#define RUN_PLACES 16
#define POOL_BYTES (16 * 1024)
#define POOL_HEADER_BYTES 48
/* With another allocator below Python there may be no such run. */
#define PLACES_MOST (1 << 20)

/* The run is given back, but for its first place: a pool without any would go back too. */
static void settle_class(size_t size) {
    char *run[RUN_PLACES] = {NULL};
    unsigned length = 0;
    for (unsigned places = 0; length < RUN_PLACES && places < PLACES_MOST; places++) {
        char *place = PyObject_Malloc(size);
        if (!place)
            break;
        if (length > 0 && place != run[length - 1] + size)
            length = 0;
        if (length > 0 || (uintptr_t)place % POOL_BYTES == POOL_HEADER_BYTES)
            run[length++] = place;
    }
    while (length > 1)
        PyObject_Free(run[--length]);
}

/* The end of the heap that libc has not cut into pieces yet. */
static char *untouched_heap(void) {
    return (char *)sbrk(0) - mallinfo2().keepcost;
}

static void settle_heap(void) {
    char *untouched = untouched_heap();
    for (size_t size = 64 << 10; size > CLASS_LARGEST; size -= size > 4096 ? size / 4 : 64) {
        char *place;
        while ((place = malloc(size)) && place < untouched)
            ;
        free(place);
    }
}

void python_allocators_settle(void) {
    settle_heap();
    for (size_t size = CLASS_STEP; size <= CLASS_LARGEST; size += CLASS_STEP)
        settle_class(size);
}
