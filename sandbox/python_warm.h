/*
 * python_warm: the interpreter that the zygote holds, loaded and exercised, and that workers are
 * forks of.
 */
#ifndef PYTHON_WARM_H
#define PYTHON_WARM_H

#include <stdbool.h>
#include <stddef.h>

struct sandbox;
struct slot;

/* Starts the interpreter in this process, as Debian's python3 -I -X utf8 would be, imports and
 * exercises what config->preload names (seconds). The root is the prepared one, still writable. On
 * failure a line for a person is in error. 0 or -errno. */
int python_warm_load(struct sandbox *sandbox, char *error, size_t error_size);

/* In a fork that is thrown away: all that python_warm_serve() does with a tiny script, on a channel
 * of its own. context is not used. */
void python_warm_rehearse_serving(void *context);

/* In a fork that is thrown away: does what scripts do with the slowest of the loaded libraries.
 * context is not used. */
void python_warm_exercise(void *context);

/* In a fork: takes the interpreter's name, and where the slot has time (ahead), does what
 * python_warm_serve() will do once without a script. */
void python_warm_rehearse(const struct slot *slot);

/* In a fork: runs the harness on the channel. Does not return. */
_Noreturn void python_warm_serve(const struct slot *slot);

#endif
