/*
 * trace_context: which trace a request belongs to, from the header that its sender put on it.
 * Strict: what is not exactly of the form is no trace. Pure.
 */
#ifndef TRACE_CONTEXT_H
#define TRACE_CONTEXT_H

#include <stdbool.h>

/* Lower-case hexadecimal; empty: none. span is only there with a trace. */
struct trace_context {
    char trace[33], span[17];
};

/* traceparent: VERSION-TRACE-SPAN-FLAGS. W3C Trace Context, 3.2. False: *ret_context untouched. */
bool trace_context_parse_w3c(const char *value, struct trace_context *ret_context);

/* X-Cloud-Trace-Context: TRACE[/SPAN][;o=OPTIONS], where SPAN is decimal. Cloud Trace, "Trace
 * context". False: *ret_context untouched. */
bool trace_context_parse_cloud(const char *value, struct trace_context *ret_context);

#endif
