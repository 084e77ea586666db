/*
 * utf8: where the characters of untrusted bytes begin and end (RFC 3629: no overlong forms, no
 * surrogates, nothing over U+10FFFF). Pure.
 */
#ifndef UTF8_H
#define UTF8_H

#include <stddef.h>

enum utf8_kind {
    UTF8_WHOLE,  /* one character */
    UTF8_BROKEN, /* not UTF-8, whatever comes after */
    UTF8_CUT     /* the text ends inside a character */
};

struct utf8_step {
    enum utf8_kind kind;
    size_t size; /* bytes, at least 1: of the character, or of what one U+FFFD stands for (the
                    "maximal subpart" of the Unicode standard, chapter 3.9) */
};

/* What stands at the start of size bytes; size must not be 0. */
struct utf8_step utf8_step(const char *bytes, size_t size);

/* The largest size, at most limit, to which the text can be cut without cutting a character. */
size_t utf8_cut(const char *bytes, size_t size, size_t limit);

#endif
