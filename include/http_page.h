/*
 * http_page: answers with a file of the playground page, and with the headers that the page needs:
 * a browser may show it, but load nothing for it from elsewhere. Private to http*.c.
 */
#ifndef HTTP_PAGE_H
#define HTTP_PAGE_H

#include <microhttpd.h>
#include <stdbool.h>

struct http_connection;

/* path is one that page_file_find() knows. close: the connection is not kept. */
enum MHD_Result http_page_answer(struct http_connection *connection, const char *path, bool close);

#endif
