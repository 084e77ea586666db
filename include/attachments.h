/*
 * attachments: what an answer has beside result and text: figures, and files of the script. Comes
 * from a worker, so everything about it is checked here. Pure but for memory.
 */
#ifndef ATTACHMENTS_H
#define ATTACHMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

struct attachment {
    bool is_figure;    /* else a file */
    struct buf bytes;  /* a PNG; or a name, NUL, and what is in the file */
    size_t data_start; /* of the PNG, or of what is in the file */
    char size[24];     /* what is behind data_start, bytes, in decimal */
};

/* Zero-filled: none. Members are for reading. */
struct attachments {
    struct attachment *items; /* in the order in which they came */
    unsigned count, figures, files;
    size_t figure_bytes, file_bytes;
};

/* Takes the payload of a FRAME_FIGURE or FRAME_RETURNED, which is left empty. 0; or with the
 * payload untouched: -EINVAL (not as the protocol has it), -EFBIG (more than limit bytes of its
 * kind), -ENOMEM. */
int attachments_take(struct attachments *attachments, uint32_t type, struct buf *payload,
                     size_t limit);

/* Memory that they hold. */
size_t attachments_held_bytes(const struct attachments *attachments);

void attachments_done(struct attachments *attachments);

#endif
