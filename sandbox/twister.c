/* twister: see twister.h. The multipliers are the authors' own. */
#include "twister.h"

static uint32_t mixed(uint32_t before) {
    return before ^ (before >> 30);
}

/* The word after the last is the second: the first one's place is taken by the last. */
static size_t after(uint32_t *words, size_t at) {
    if (++at < TWISTER_WORDS)
        return at;
    words[0] = words[TWISTER_WORDS - 1];
    return 1;
}

void twister_seed(uint32_t words[TWISTER_WORDS], const uint32_t *key, size_t key_words) {
    size_t at = 1, digit = 0;
    words[0] = 19650218;
    for (uint32_t i = 1; i < TWISTER_WORDS; i++)
        words[i] = 1812433253 * mixed(words[i - 1]) + i;
    for (size_t steps = 0; steps < TWISTER_WORDS; steps++) {
        words[at] = (words[at] ^ (mixed(words[at - 1]) * 1664525)) + key[digit] + (uint32_t)digit;
        at = after(words, at);
        digit = digit + 1 < key_words ? digit + 1 : 0;
    }
    for (size_t steps = 1; steps < TWISTER_WORDS; steps++) {
        words[at] = (words[at] ^ (mixed(words[at - 1]) * 1566083941)) - (uint32_t)at;
        at = after(words, at);
    }
    words[0] = UINT32_C(1) << 31;
}
