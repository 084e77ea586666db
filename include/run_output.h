/*
 * run_output: what a script writes to its standard output and error, up to their common limit.
 * Private to run*.c.
 */
#ifndef RUN_OUTPUT_H
#define RUN_OUTPUT_H

#include <stddef.h>

struct run;

/* Of both together, bytes. */
size_t run_output_limit(const struct run *run);

/* Reads whenever there is something. 0 or -errno. */
int run_output_watch(struct run *run);

/* Reads what is there now, watched or not. */
void run_output_take_the_rest(struct run *run);

#endif
