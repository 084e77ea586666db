/* request_error: formats the text of a refusal. */
#include "request_error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "utf8.h"

int request_error_set(struct request_error *ret_error, const char *format, ...) {
    char text[2 * sizeof(ret_error->text)];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    size_t size = length < 0                      ? 0
                  : (size_t)length < sizeof(text) ? (size_t)length
                                                  : sizeof(text) - 1;
    size = utf8_cut(text, size, sizeof(ret_error->text) - 1);
    ret_error->status = 400;
    snprintf(ret_error->text, sizeof(ret_error->text), "%.*s", (int)size, text);
    return -EINVAL;
}
