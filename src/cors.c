/* cors: origins are compared byte by byte, as browsers send them: lower case, no final slash. */
#include "cors.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define DIGITS "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyz"

static bool is_port(const char *text, size_t size) {
    return size > 0 && size <= 5 && strspn(text, DIGITS) >= size;
}

static bool is_origin(const char *text, size_t size) {
    const char *end = text + size, *host = NULL;
    if (size > 8 && memcmp(text, "https://", 8) == 0)
        host = text + 8;
    else if (size > 7 && memcmp(text, "http://", 7) == 0)
        host = text + 7;
    if (!host)
        return false;
    const char *rest = host;
    if (*host == '[') {
        rest += 1 + strspn(host + 1, DIGITS "abcdef:.");
        if (rest == host + 1 || rest >= end || *rest++ != ']')
            return false;
    } else {
        rest += strspn(host, DIGITS LETTERS "-._");
    }
    if (rest == host || rest > end)
        return false;
    return rest == end || (*rest == ':' && is_port(rest + 1, (size_t)(end - rest - 1)));
}

int cors_check(const char *list, char *error, size_t error_size) {
    if (strcmp(list, "*") == 0)
        return 0;
    for (;;) {
        size_t size = strcspn(list, ",");
        if (!is_origin(list, size)) {
            snprintf(
                error, error_size,
                "'%.*s' is no origin like https://a.example or http://a.example:8080 (in lower "
                "case, without a path)",
                (int)(size < 60 ? size : 60), list);
            return -EINVAL;
        }
        if (!list[size])
            return 0;
        list += size + 1;
    }
}

/* A name can be made to lead to any address, by who owns it; these cannot. */
static bool is_address(const char *host) {
    size_t size = strcspn(host, ":");
    if (*host == '[')
        return true;
    return (size == 9 && memcmp(host, "localhost", 9) == 0) ||
           (size > 0 && strspn(host, DIGITS ".") == size);
}

bool cors_is_same_address(const char *origin, const char *host) {
    size_t size = strlen(origin);
    if (!host || !is_origin(origin, size))
        return false;
    const char *authority = strstr(origin, "//") + 2;
    return is_address(authority) && strcmp(authority, host) == 0;
}

const char *cors_allow(const char *list, const char *origin) {
    if (!origin || !*list)
        return NULL;
    if (strcmp(list, "*") == 0)
        return "*";
    for (size_t size = strlen(origin);; list++) {
        size_t part = strcspn(list, ",");
        if (part == size && memcmp(list, origin, size) == 0)
            return origin;
        list += part;
        if (!*list)
            return NULL;
    }
}
