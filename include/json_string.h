/*
 * json_string: what a JSON string stands for. Pure, no allocation. The string must have passed
 * json_check, and hold no lone surrogate.
 */
#ifndef JSON_STRING_H
#define JSON_STRING_H

#include <stddef.h>

/* Decodes size bytes, which stand between the quotes, to UTF-8; NUL is a byte as any other. bytes
 * has room for size; it may be text itself. Returns how many bytes it was. */
size_t json_string_decode(const char *text, size_t size, char *bytes);

#endif
