/* embedded: the texts of harness/ and preload.py, put into the binary at build time by embedded.S.
 * Read-only, NUL-terminated. */
#ifndef EMBEDDED_H
#define EMBEDDED_H

struct embedded_text {
    const char *name; /* of the module; NULL: the end of the table */
    const char *source;
};

/* load, which knows the order of the others, comes first. */
extern const struct embedded_text embedded_harness[];

extern const char preload_source[];

#endif
