/*
 * log_text: puts one line together in a buffer of fixed size: literals, numbers, and texts of any
 * bytes, escaped and bounded. Pure, no allocation. What does not fit is left out, never half of an
 * escape.
 */
#ifndef LOG_TEXT_H
#define LOG_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* Valid after {.bytes = ..., .size = ...}; the first used bytes are there, without a NUL. */
struct log_text {
    char *bytes;
    size_t size, used;
};

/* A text of ours: added as it is, whole or not at all. */
void log_text_add(struct log_text *text, const char *literal);

void log_text_add_number(struct log_text *text, uint64_t number);

/* With three decimals: 1234 is "1.234". */
void log_text_add_thousandths(struct log_text *text, uint64_t number);

/* Any bytes up to the NUL, as the inside of a JSON string in ASCII: quote, backslash, control
 * characters and all beyond ASCII are escaped, and what is not UTF-8 becomes \ufffd. So no terminal
 * and no reader of lines finds anything in it but text. At most `most` bytes are written; a text
 * that was cut ends in "...". */
void log_text_add_escaped(struct log_text *text, const char *raw, size_t most);

#endif
