/*
 * zygote_prepare: what a zygote does before it serves: everything up to the first worker that has
 * started. Blocks for as long as importing takes.
 */
#ifndef ZYGOTE_PREPARE_H
#define ZYGOTE_PREPARE_H

#include <stddef.h>

struct config;
struct plan;
struct sandbox;

/* Fills *sandbox (sandbox_remove) also when it fails. Blocks signals that are for the loop, and
 * makes this process undumpable. Once all is there, this process and all that it forks have no new
 * privileges and are under the zygote's part of the filter (seccomp_program.h). 0, or -errno with a
 * line for a person in error. */
int zygote_prepare(struct sandbox *sandbox, const struct config *config, char *error,
                   size_t error_size);

/* All layers in one line of the log; --check says more. */
void zygote_log_layers(const struct plan *plan);

#endif
