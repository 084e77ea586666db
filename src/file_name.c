/* file_name: looks at names part by part; touches no file. */
#include "file_name.h"

#include <string.h>

static const char *part_fault(const char *part, size_t size) {
    if (size == 0)
        return "must not be empty, absolute, or have an empty part";
    if ((size == 1 && part[0] == '.') || (size == 2 && part[0] == '.' && part[1] == '.'))
        return "must not have '.' or '..' as a part";
    if (size > FILE_NAME_PART_BYTES)
        return "must not have a part of more than 255 bytes";
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)part[i] < 0x20 || part[i] == 0x7f)
            return "must not have control characters";
    return NULL;
}

const char *file_name_fault(const char *name, size_t size) {
    if (size > FILE_NAME_BYTES)
        return "must not have more than 512 bytes";
    const char *end = name + size;
    for (unsigned depth = 1;; depth++) {
        const char *slash = size ? memchr(name, '/', (size_t)(end - name)) : NULL;
        const char *fault = part_fault(name, (size_t)((slash ? slash : end) - name));
        if (fault || !slash)
            return fault;
        if (depth == FILE_NAME_DEPTH)
            return "must not have more than 16 parts";
        name = slash + 1;
    }
}

bool file_names_collide(const char *one, const char *other) {
    while (*one && *one == *other) {
        one++;
        other++;
    }
    return (!*one && (!*other || *other == '/')) || (!*other && *one == '/');
}
