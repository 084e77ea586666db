/* embedded: the text of harness.py and preload.py, put into the binary at build time by embedded.S.
 * Read-only, NUL-terminated. */
#ifndef EMBEDDED_H
#define EMBEDDED_H

extern const char harness_source[], preload_source[];

#endif
