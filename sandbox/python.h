/*
 * python: the interpreter of a worker, and what must be prepared for it in the sandbox's root. The
 * only file that knows CPython.
 */
#ifndef PYTHON_H
#define PYTHON_H

#include <stddef.h>

struct sandbox;
struct slot;

/* In the prepared, still writable root: the harness, compiled, and matplotlib's font list. Runs
 * python3 in child processes as an unprivileged uid and waits for them (seconds). 0 or -errno; what
 * failed is in *ret_what (static storage). */
int python_prepare(struct sandbox *sandbox, const char **ret_what);

/* The environment of scripts on a slot, "NAME=value", NULL at the end. The texts belong to the slot
 * and the sandbox or are static. */
#define PYTHON_ENVIRONMENT_MOST 16
void python_environment(const struct slot *slot, char *ret_envp[PYTHON_ENVIRONMENT_MOST]);

/* Sets font_list to what is in places.fonts. 0, -ENOENT, -errno. */
int python_find_font_list(struct sandbox *sandbox);

/* Worker's side: becomes python3 with the harness. Returns only on failure, -errno. */
int python_exec(const struct slot *slot);

#endif
