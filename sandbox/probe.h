/* probe: one worker for no script, before the first request: what does not work here is said at the
 * start. */
#ifndef PROBE_H
#define PROBE_H

#include <stddef.h>

struct sandbox;

/* Starts a worker on the first slot, waits until it is ready (some 10 s at most), ends it. 0;
 * -errno with a line that names the stage in error. */
int probe_worker(struct sandbox *sandbox, char *error, size_t error_size);

#endif
