/*
 * free_uids: a range of uids for a service that was given none.
 */
#ifndef FREE_UIDS_H
#define FREE_UIDS_H

#include <stdint.h>

/* The first of `count` uids in a row from `least` to below `end`, at random. Not where a process
 * that is seen in /proc has one of them, or one so near that another service of this size has some
 * of them for its slots (its server has the first of its range); if that leaves none, anywhere.
 * Reads /proc; blocks no longer than that takes. end - least > count. */
uint32_t free_uids_choose(uint32_t least, uint32_t end, uint32_t count);

#endif
