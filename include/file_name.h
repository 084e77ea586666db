/*
 * file_name: which names a request's files and the files of an answer may have. Pure.
 *
 * A name is relative to the working directory and stays below it: parts joined by '/', none of them
 * empty, "." or "..", no control characters; UTF-8, which the caller has checked.
 */
#ifndef FILE_NAME_H
#define FILE_NAME_H

#include <stdbool.h>
#include <stddef.h>

#define FILE_NAME_BYTES ((size_t)512)
#define FILE_NAME_PART_BYTES ((size_t)255) /* NAME_MAX */
#define FILE_NAME_DEPTH 16u

/* What is wrong with it, as "must not ..."; NULL: nothing. Static storage. */
const char *file_name_fault(const char *name, size_t size);

/* Whether both cannot be files at once: the same name, or one below the other. */
bool file_names_collide(const char *one, const char *other);

#endif
