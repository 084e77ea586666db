/* http_ready: what GET /ready says. Private to http*.c. Pure. */
#ifndef HTTP_READY_H
#define HTTP_READY_H

#include "queue.h"

#define HTTP_READY_BYTES 1024

/* One JSON object: status, reason if not ready, slots, running, waiting; once a sandbox is prepared
 * also its layers by name and what its interpreter costs. */
void http_ready_json(const struct queue_state *state, char ret_json[HTTP_READY_BYTES]);

#endif
