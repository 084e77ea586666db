/* http_head: counts bytes, fields and cookies. */
#include "http_head.h"

#include <microhttpd.h>
#include <stdio.h>

#include "http_framing.h"
#include "http_refuse.h"
#include "http_state.h"

#define HEAD_BYTES ((size_t)16 << 10)
#define HEAD_FIELDS 150u /* and cookies */

static enum MHD_Result count(void *context, enum MHD_ValueKind kind, const char *name,
                             const char *value) {
    unsigned *fields = context;
    (void)kind;
    (void)name;
    (void)value;
    return ++*fields <= HEAD_FIELDS ? MHD_YES : MHD_NO;
}

static bool is_too_large(struct MHD_Connection *mhd) {
    unsigned fields = 0;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    if (!info || info->header_size > HEAD_BYTES)
        return true;
    MHD_get_connection_values(mhd, (enum MHD_ValueKind)(MHD_HEADER_KIND | MHD_COOKIE_KIND), count,
                              &fields);
    return fields > HEAD_FIELDS;
}

bool http_head_refuse(struct http_connection *connection, const char *version) {
    char text[96];
    const char *fault = http_framing_fault(connection->mhd, version);
    if (fault) {
        http_refuse(connection, 400, fault);
        return true;
    }
    if (!is_too_large(connection->mhd))
        return false;
    snprintf(text, sizeof(text), "Request head is over the limit of %zu bytes or %u fields",
             HEAD_BYTES, HEAD_FIELDS);
    http_refuse(connection, 431, text);
    return true;
}
