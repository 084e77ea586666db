/* http_write: the message of RFC 9112 as one piece of text. */
#include "http_write.h"

#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "buf.h"
#include "http_connection.h"

#define HEAD_BYTES ((size_t)8 << 10)

struct message {
    struct buf text;
    bool broken; /* something had no room, or memory is out */
};

static enum MHD_Result add_header(void *context, enum MHD_ValueKind kind, const char *name,
                                  const char *value) {
    struct message *message = context;
    (void)kind;
    message->broken |= buf_printf(&message->text, "%s: %s\r\n", name, value) < 0;
    return MHD_YES;
}

static void add_head(struct message *message, unsigned status, struct MHD_Response *answer,
                     size_t size) {
    char date[64];
    time_t now = time(NULL);
    struct tm parts;
    strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &parts));
    message->broken |=
        buf_printf(&message->text, "HTTP/1.1 %u %s\r\nDate: %s\r\nContent-Length: %zu\r\n", status,
                   MHD_get_reason_phrase_for(status), date, size) < 0;
    MHD_get_response_headers(answer, add_header, message);
    message->broken |= buf_append_text(&message->text, "\r\n") < 0;
}

bool http_write(struct http_connection *connection, unsigned status, struct MHD_Response *answer,
                const char *body, size_t size) {
    bool is_head = strcmp(connection->exchange.method, MHD_HTTP_METHOD_HEAD) == 0;
    struct message message = {0};
    buf_init(&message.text, HEAD_BYTES + size);
    add_head(&message, status, answer, size);
    message.broken |= buf_append(&message.text, body, is_head ? 0 : size) < 0;
    bool sent = !message.broken && send(connection->fd, message.text.data, message.text.size,
                                        MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)message.text.size;
    buf_done(&message.text);
    return sent;
}
