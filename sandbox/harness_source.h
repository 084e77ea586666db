/* harness_source: the text of harness.py, embedded at build time by harness_source.S. Read-only. */
#ifndef HARNESS_SOURCE_H
#define HARNESS_SOURCE_H

extern const char harness_source[];

#endif
