/* python_arenas: arenas lie side by side whatever is taken and given back between them. */
#include <Python.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

#include <cmocka.h>

#include "python_arenas.h"

#define ARENA (1UL << 20)
#define SMALL (16UL << 10)

static PyObjectArenaAllocator arenas(void) {
    PyObjectArenaAllocator allocator;
    python_arenas_begin();
    PyObject_GetArenaAllocator(&allocator);
    return allocator;
}

static void test_side_by_side(void **state) {
    (void)state;
    PyObjectArenaAllocator of = arenas();
    char *first = of.alloc(of.ctx, ARENA), *second = of.alloc(of.ctx, ARENA);
    assert_ptr_equal(second, first + ARENA);
    memset(first, 1, 2 * ARENA);
    of.free(of.ctx, second, ARENA);
    assert_ptr_equal(of.alloc(of.ctx, SMALL), second); /* the last one leaves no hole */
    assert_int_equal(second[0], 0);
}

static void test_holes_are_filled(void **state) {
    (void)state;
    PyObjectArenaAllocator of = arenas();
    char *stack = of.alloc(of.ctx, 2 * SMALL), *arena = of.alloc(of.ctx, ARENA);
    assert_ptr_equal(arena, stack + 2 * SMALL);
    of.free(of.ctx, stack, 2 * SMALL);
    assert_ptr_equal(of.alloc(of.ctx, ARENA), arena + ARENA); /* too large for it */
    assert_ptr_equal(of.alloc(of.ctx, SMALL), stack);
    assert_ptr_equal(of.alloc(of.ctx, SMALL), stack + SMALL);
    assert_ptr_equal(of.alloc(of.ctx, SMALL), arena + 2 * ARENA);
    assert_int_equal(arena[0] | arena[ARENA - 1], 0); /* it was not mapped over */
}

/* A library may have been loaded into a hole: that one is not asked for again and again. */
static void test_a_hole_that_is_taken(void **state) {
    (void)state;
    PyObjectArenaAllocator of = arenas();
    char *hole = of.alloc(of.ctx, ARENA), *behind = of.alloc(of.ctx, ARENA);
    of.free(of.ctx, hole, ARENA);
    assert_ptr_equal(mmap(hole, SMALL, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), hole);
    of.alloc(of.ctx, ARENA);
    assert_ptr_equal(of.alloc(of.ctx, ARENA), behind + ARENA);
    assert_ptr_equal(of.alloc(of.ctx, ARENA), behind + 2 * ARENA);
}

/* More holes than are remembered: nothing is handed out twice. */
static void test_many_holes(void **state) {
    (void)state;
    PyObjectArenaAllocator of = arenas();
    char *places[400];
    for (int i = 0; i < 400; i++) {
        places[i] = of.alloc(of.ctx, SMALL);
        memset(places[i], i & 0x7f, SMALL);
    }
    for (int i = 0; i < 400; i += 2)
        of.free(of.ctx, places[i], SMALL);
    for (int i = 0; i < 400; i += 2)
        memset(places[i] = of.alloc(of.ctx, SMALL), i & 0x7f, SMALL);
    for (int i = 0; i < 400; i++)
        assert_int_equal(places[i][SMALL - 1], i & 0x7f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_side_by_side),
        cmocka_unit_test(test_holes_are_filled),
        cmocka_unit_test(test_a_hole_that_is_taken),
        cmocka_unit_test(test_many_holes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
