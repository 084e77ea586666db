/* http_framing: counts the header fields that say how long a body is and for whom. */
#include "http_framing.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

struct framing {
    unsigned lengths, encodings, hosts;
    bool chunked; /* the last encoding */
    bool spaced;  /* "Content-Length : 5", which libmicrohttpd takes for a field of another name */
};

static enum MHD_Result count(void *context, enum MHD_ValueKind kind, const char *name,
                             const char *value) {
    struct framing *framing = context;
    (void)kind;
    framing->spaced |= strpbrk(name, " \t") != NULL;
    framing->hosts += strcasecmp(name, "Host") == 0;
    if (strcasecmp(name, "Content-Length") == 0)
        framing->lengths++;
    if (strcasecmp(name, "Transfer-Encoding") == 0) {
        framing->encodings++;
        framing->chunked = value && strcasecmp(value, "chunked") == 0;
    }
    return MHD_YES;
}

const char *http_framing_fault(struct MHD_Connection *connection, const char *version) {
    struct framing framing = {0};
    MHD_get_connection_values(connection, MHD_HEADER_KIND, count, &framing);
    if (framing.spaced)
        return "A space in the name of a header field";
    if (framing.hosts > 1 || (framing.hosts == 0 && strcmp(version, MHD_HTTP_VERSION_1_0) != 0))
        return "The header Host must be there once";
    if (framing.lengths > 1)
        return "More than one Content-Length";
    if (framing.lengths > 0 && framing.encodings > 0)
        return "Content-Length together with Transfer-Encoding";
    if (framing.encodings > 1 || (framing.encodings == 1 && !framing.chunked))
        return "Transfer-Encoding must be chunked";
    return NULL;
}
