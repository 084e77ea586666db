/*
 * twister: the state of a Mersenne Twister (MT19937; Matsumoto and Nishimura, 1998), which both
 * random and numpy.random keep, from a key.
 */
#ifndef TWISTER_H
#define TWISTER_H

#include <stddef.h>
#include <stdint.h>

#define TWISTER_WORDS 624

/* Fills words as the authors' init_by_array (2002) does, and so random.seed() with a number that
 * has these 32 bits as its digits, the lowest first. key_words: 1 to TWISTER_WORDS. No numbers are
 * left in it: an index that goes with it must be TWISTER_WORDS. */
void twister_seed(uint32_t words[TWISTER_WORDS], const uint32_t *key, size_t key_words);

#endif
