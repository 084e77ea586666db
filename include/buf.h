/*
 * buf: a byte buffer that grows up to a ceiling given at its creation. Nothing else in the service
 * grows.
 *
 * A buffer is valid after buf_init, empty or not; buf_done frees it and leaves it empty with the
 * same ceiling, ready for use again. data is NUL-terminated whenever it is not NULL (the NUL is not
 * counted in size). A buffer never shrinks its storage on its own. Members are for reading; change
 * them by these functions only.
 */
#ifndef BUF_H
#define BUF_H

#include <stdarg.h>
#include <stddef.h>

struct buf {
    char *data;      /* NULL while empty and never used */
    size_t size;     /* bytes in use */
    size_t capacity; /* bytes allocated */
    size_t ceiling;  /* size never exceeds this */
};

void buf_init(struct buf *buf, size_t ceiling);
void buf_done(struct buf *buf);

/* Appends all size bytes or nothing. 0, -EFBIG (over the ceiling) or -ENOMEM. */
int buf_append(struct buf *buf, const void *bytes, size_t size);
int buf_append_text(struct buf *buf, const char *text);
int buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Makes room for at least size further bytes and returns where they go; NULL if over the ceiling or
 * out of memory (errno EFBIG or ENOMEM). Nothing is counted until buf_commit(size actually
 * written). */
char *buf_reserve(struct buf *buf, size_t size);
void buf_commit(struct buf *buf, size_t size);

/* How many bytes may still come. */
size_t buf_room(const struct buf *buf);

/* Hands the storage to the caller (free() it; may be NULL when empty) and leaves the buffer empty.
 */
char *buf_take(struct buf *buf, size_t *ret_size);

#endif
