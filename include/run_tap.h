/*
 * run_tap: someone who is told what a script prints while it runs.
 */
#ifndef RUN_TAP_H
#define RUN_TAP_H

#include <stdbool.h>
#include <stddef.h>

struct run_tap {
    void *context;
    /* A worker was given the script; again if it is given to another one. */
    void (*on_begun)(void *context);
    /* These bytes will be in the outcome, too, at the end of what was printed until now. False: no
     * more for the moment, so that the script must wait once the pipe is full. What is left when it
     * has ended comes all the same. */
    bool (*on_output)(void *context, bool is_stderr, const char *bytes, size_t size);
};

#endif
