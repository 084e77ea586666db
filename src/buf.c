/*
 * buf: a byte buffer with a ceiling. Grows by doubling, never over the ceiling; knows nothing of
 * what it holds.
 */
#include "buf.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const size_t first_capacity = 64;

void buf_init(struct buf *buf, size_t ceiling) {
    /* One byte more is allocated for the NUL, and doubling must not overflow. */
    *buf = (struct buf){.ceiling = ceiling < PTRDIFF_MAX ? ceiling : PTRDIFF_MAX - 1};
}

void buf_done(struct buf *buf) {
    free(buf->data);
    *buf = (struct buf){.ceiling = buf->ceiling};
}

size_t buf_room(const struct buf *buf) {
    return buf->ceiling - buf->size;
}

char *buf_reserve(struct buf *buf, size_t size) {
    if (size > buf_room(buf)) {
        errno = EFBIG;
        return NULL;
    }
    size_t needed = buf->size + size + 1;
    if (needed > buf->capacity) {
        size_t capacity = buf->capacity ? buf->capacity * 2 : first_capacity;
        if (capacity < needed)
            capacity = needed;
        if (capacity > buf->ceiling + 1)
            capacity = buf->ceiling + 1;
        char *data = realloc(buf->data, capacity);
        if (!data) {
            errno = ENOMEM;
            return NULL;
        }
        buf->data = data;
        buf->capacity = capacity;
        data[buf->size] = '\0';
    }
    return buf->data + buf->size;
}

void buf_commit(struct buf *buf, size_t size) {
    if (size == 0)
        return;
    /* More than was reserved has already overwritten memory that is not ours. */
    assert(size < buf->capacity - buf->size);
    buf->size += size;
    buf->data[buf->size] = '\0';
}

int buf_append(struct buf *buf, const void *bytes, size_t size) {
    if (size == 0)
        return 0;
    char *place = buf_reserve(buf, size);
    if (!place)
        return -errno;
    memcpy(place, bytes, size);
    buf_commit(buf, size);
    return 0;
}

int buf_append_text(struct buf *buf, const char *text) {
    return buf_append(buf, text, strlen(text));
}

int buf_printf(struct buf *buf, const char *format, ...) {
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int error = 0;
    int size = vsnprintf(NULL, 0, format, arguments);
    char *place = size < 0 ? NULL : buf_reserve(buf, (size_t)size);
    if (place) {
        vsnprintf(place, (size_t)size + 1, format, again);
        buf_commit(buf, (size_t)size);
    } else {
        error = -errno;
    }
    va_end(again);
    va_end(arguments);
    return error;
}

char *buf_take(struct buf *buf, size_t *ret_size) {
    char *data = buf->data;
    *ret_size = buf->size;
    *buf = (struct buf){.ceiling = buf->ceiling};
    return data;
}
