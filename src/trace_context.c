/* trace_context: the two forms. Identifiers of zeroes alone are none by both standards. */
#include "trace_context.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRACE_SIZE 32
#define SPAN_SIZE 16
#define W3C_SIZE 55 /* of version 00; later ones may go on after a dash */

static const char lower_hex[] = "0123456789abcdef";

/* At least its first size characters. */
static bool is_run_of(const char *text, const char *alphabet, size_t size) {
    return strspn(text, alphabet) >= size;
}

static bool is_zero(const char *text, size_t size) {
    return strspn(text, "0") >= size;
}

static void lower(char *text) {
    for (; *text; text++)
        if (*text >= 'A' && *text <= 'F')
            *text = (char)(*text - 'A' + 'a');
}

bool trace_context_parse_w3c(const char *value, struct trace_context *ret_context) {
    struct trace_context context = {0};
    if (strlen(value) < W3C_SIZE)
        return false;
    const char *trace = value + 3, *span = trace + TRACE_SIZE + 1, *flags = span + SPAN_SIZE + 1;
    bool first_version = strncmp(value, "00", 2) == 0;
    char after = value[W3C_SIZE];
    if (value[2] != '-' || span[-1] != '-' || flags[-1] != '-' || strncmp(value, "ff", 2) == 0 ||
        (first_version ? after != 0 : after != 0 && after != '-'))
        return false;
    if (!is_run_of(value, lower_hex, 2) || !is_run_of(trace, lower_hex, TRACE_SIZE) ||
        !is_run_of(span, lower_hex, SPAN_SIZE) || !is_run_of(flags, lower_hex, 2) ||
        is_zero(trace, TRACE_SIZE) || is_zero(span, SPAN_SIZE))
        return false;
    memcpy(context.trace, trace, TRACE_SIZE);
    memcpy(context.span, span, SPAN_SIZE);
    *ret_context = context;
    return true;
}

/* "/SPAN" or nothing; returns what comes after it, NULL if it is malformed. */
static const char *parse_decimal_span(const char *text, struct trace_context *context) {
    if (*text != '/')
        return text;
    char *end;
    size_t digits = strspn(++text, "0123456789");
    errno = 0;
    uint64_t span = strtoull(text, &end, 10);
    if (digits == 0 || errno)
        return NULL;
    if (span)
        snprintf(context->span, sizeof(context->span), "%016" PRIx64, span);
    return end;
}

bool trace_context_parse_cloud(const char *value, struct trace_context *ret_context) {
    struct trace_context context = {0};
    if (strspn(value, "0123456789abcdefABCDEF") != TRACE_SIZE || is_zero(value, TRACE_SIZE))
        return false;
    memcpy(context.trace, value, TRACE_SIZE);
    lower(context.trace);
    const char *rest = parse_decimal_span(value + TRACE_SIZE, &context);
    if (!rest)
        return false;
    bool has_options = strncmp(rest, ";o=", 3) == 0 && is_run_of(rest + 3, "0123", 1) && !rest[4];
    if (*rest && !has_options)
        return false;
    *ret_context = context;
    return true;
}
