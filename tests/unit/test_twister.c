/* twister: the first numbers that the authors print for their own key, and for one word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "twister.h"

/* The generator itself, as the paper has it. */
static uint32_t number(uint32_t *words, size_t n) {
    static const uint32_t odd[] = {0, 0x9908b0df};
    if (n == 0)
        for (size_t i = 0; i < TWISTER_WORDS; i++) {
            uint32_t y = (words[i] & 0x80000000) | (words[(i + 1) % TWISTER_WORDS] & 0x7fffffff);
            words[i] = words[(i + 397) % TWISTER_WORDS] ^ (y >> 1) ^ odd[y & 1];
        }
    uint32_t y = words[n];
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return y ^ (y >> 18);
}

static void test_authors_numbers(void **state) {
    (void)state;
    static const uint32_t key[] = {0x123, 0x234, 0x345, 0x456};
    static const uint32_t first[] = {1067595299, 955945823, 477289528, 4107218783, 4228976476};
    uint32_t words[TWISTER_WORDS];
    twister_seed(words, key, 4);
    for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++)
        assert_int_equal(number(words, i), first[i]);
}

/* random.seed(1); random.getrandbits(32) */
static void test_one_word(void **state) {
    (void)state;
    uint32_t words[TWISTER_WORDS];
    twister_seed(words, (const uint32_t[]){1}, 1);
    assert_int_equal(words[0], UINT32_C(1) << 31);
    assert_int_equal(number(words, 0), 577090037);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_authors_numbers),
                                       cmocka_unit_test(test_one_word)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
