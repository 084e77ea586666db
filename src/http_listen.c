/* http_listen: the socket that clients come to, made while the role may still bind low ports. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config.h"
#include "http.h"

#define BACKLOG 1024

/* The size of the address, or 0 if the text is none. */
static socklen_t parse_address(const struct config *config, struct sockaddr_storage *ret_address) {
    struct sockaddr_in *v4 = (struct sockaddr_in *)ret_address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret_address;
    memset(ret_address, 0, sizeof(*ret_address));
    if (inet_pton(AF_INET, config->address, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t)config->port);
        return sizeof(*v4);
    }
    if (inet_pton(AF_INET6, config->address, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons((uint16_t)config->port);
        return sizeof(*v6);
    }
    return 0;
}

static int open_listener(const struct sockaddr_storage *address, socklen_t size) {
    int fd = socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    const int on = 1, off = 0;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (address->ss_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    if (bind(fd, (const struct sockaddr *)address, size) < 0 || listen(fd, BACKLOG) < 0) {
        int error = errno;
        close(fd);
        return -error;
    }
    return fd;
}

int http_listen(const struct config *config, char *error, unsigned error_size) {
    struct sockaddr_storage address;
    socklen_t size = parse_address(config, &address);
    int fd = size > 0 ? open_listener(&address, size) : -EINVAL;
    if (fd < 0)
        snprintf(error, error_size, "--address=%s --port=%u: cannot listen there: %s",
                 config->address, (unsigned)config->port,
                 size > 0 ? strerror(-fd) : "not a numeric address");
    return fd;
}
