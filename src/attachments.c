/* attachments: a list that is as long as the protocol allows, at most. */
#include "attachments.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file_name.h"
#include "protocol.h"
#include "utf8.h"

static const char png_signature[] = "\x89PNG\r\n\x1a\n";

static bool is_utf8(const char *text, size_t size) {
    while (size > 0) {
        struct utf8_step step = utf8_step(text, size);
        if (step.kind != UTF8_WHOLE)
            return false;
        text += step.size;
        size -= step.size;
    }
    return true;
}

static bool has_file(const struct attachments *attachments, const char *name) {
    for (unsigned i = 0; i < attachments->count; i++) {
        const struct attachment *item = &attachments->items[i];
        const char *other = item->bytes.data;
        if (!item->is_figure && other && strcmp(other, name) == 0)
            return true;
    }
    return false;
}

static int check_figure(const struct attachments *attachments, const struct buf *payload) {
    size_t size = sizeof(png_signature) - 1;
    if (attachments->figures == FIGURES_MOST || payload->size < size ||
        memcmp(payload->data, png_signature, size) != 0)
        return -EINVAL;
    return 0;
}

static int check_file(const struct attachments *attachments, const struct buf *payload,
                      size_t *ret_data_start) {
    const char *end = payload->size ? memchr(payload->data, '\0', payload->size) : NULL;
    if (attachments->files == RETURNED_MOST || !end)
        return -EINVAL;
    size_t name_size = (size_t)(end - payload->data);
    if (file_name_fault(payload->data, name_size) || !is_utf8(payload->data, name_size) ||
        has_file(attachments, payload->data))
        return -EINVAL;
    *ret_data_start = name_size + 1;
    return 0;
}

static int make_place(struct attachments *attachments) {
    if (attachments->items)
        return 0;
    attachments->items = calloc(FIGURES_MOST + RETURNED_MOST, sizeof(*attachments->items));
    return attachments->items ? 0 : -ENOMEM;
}

int attachments_take(struct attachments *attachments, uint32_t type, struct buf *payload,
                     size_t limit) {
    bool is_figure = type == FRAME_FIGURE;
    size_t data_start = 0;
    int r = make_place(attachments);
    if (r == 0)
        r = is_figure ? check_figure(attachments, payload)
                      : check_file(attachments, payload, &data_start);
    if (r < 0)
        return r;
    size_t size = payload->size - data_start;
    size_t *total = is_figure ? &attachments->figure_bytes : &attachments->file_bytes;
    if (size > limit - *total)
        return -EFBIG;
    struct attachment *item = &attachments->items[attachments->count++];
    *(is_figure ? &attachments->figures : &attachments->files) += 1;
    *total += size;
    *item =
        (struct attachment){.is_figure = is_figure, .bytes = *payload, .data_start = data_start};
    snprintf(item->size, sizeof(item->size), "%zu", size);
    buf_init(payload, payload->ceiling);
    return 0;
}

size_t attachments_held_bytes(const struct attachments *attachments) {
    size_t size = 0;
    for (unsigned i = 0; i < attachments->count; i++)
        size += attachments->items[i].bytes.capacity;
    return size;
}

void attachments_done(struct attachments *attachments) {
    for (unsigned i = 0; i < attachments->count; i++)
        buf_done(&attachments->items[i].bytes);
    free(attachments->items);
    *attachments = (struct attachments){0};
}
