/*
 * page_files: the files of the playground page, which the build put into the binary (see
 * web/embedded.S). Knows no HTTP but what a file is called there.
 */
#ifndef PAGE_FILES_H
#define PAGE_FILES_H

#include <stddef.h>

struct page_file {
    const char *path, *type; /* of the URL; with the charset */
    const char *bytes;       /* not terminated */
    size_t size;
    char etag[20]; /* the same for the same content, with its quotes */
};

/* The file that is served at this path, or NULL. Static storage. */
const struct page_file *page_file_find(const char *path);

#endif
