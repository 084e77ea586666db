/* http_page: what a browser has already is not sent again, but it always asks. */
#include "http_page.h"

#include <string.h>

#include "http_answer.h"
#include "page_files.h"

/* The pictures of an answer are data: URLs. Nothing inline: whatever a script printed, or a link
 * brought, cannot become code of the page. */
#define POLICY                                                                                     \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; " \
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/* Whether the list of an If-None-Match names the tag, strong or weak: RFC 9110, 13.1.2. */
static bool names(const char *list, const char *etag) {
    if (!list)
        return false;
    return strcmp(list, "*") == 0 || strstr(list, etag) != NULL;
}

enum MHD_Result http_page_answer(struct http_connection *connection, const char *path, bool close) {
    const struct page_file *file = page_file_find(path);
    const char *known = MHD_lookup_connection_value(connection->mhd, MHD_HEADER_KIND,
                                                    MHD_HTTP_HEADER_IF_NONE_MATCH);
    unsigned status = names(known, file->etag) ? MHD_HTTP_NOT_MODIFIED : MHD_HTTP_OK;
    struct http_answer_options options = {
        .type = file->type, .policy = POLICY, .etag = file->etag, .close = close};
    return http_answer_static(connection, status, file->bytes, file->size, &options);
}
