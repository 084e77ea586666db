/* tokens_load: where tokens come from: a file or the environment. Leaves no copy behind. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tokens.h"

#define SOURCE "--token-file"
#define VARIABLE "CODE_RUNNER_TOKENS"
#define FILE_VARIABLE "CODE_RUNNER_TOKEN_FILE"
#define FILE_BYTES ((size_t)64 << 10)

static int refuse(char *error, size_t error_size, const char *what) {
    snprintf(error, error_size, SOURCE ": %s", what);
    return -EINVAL;
}

/* Not more than FILE_BYTES + 1 of it; -errno. */
static ssize_t read_all(int fd, char *text) {
    size_t used = 0;
    while (used <= FILE_BYTES) {
        ssize_t size = read(fd, text + used, FILE_BYTES + 1 - used);
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            return -errno;
        if (size == 0)
            break;
        used += (size_t)size;
    }
    return (ssize_t)used;
}

static int load(int fd, struct tokens *ret_tokens, char *error, size_t error_size) {
    char *text = malloc(FILE_BYTES + 1);
    if (!text)
        return refuse(error, error_size, "out of memory");
    ssize_t size = read_all(fd, text);
    int r;
    if (size < 0)
        r = refuse(error, error_size, strerror((int)-size));
    else if ((size_t)size > FILE_BYTES)
        r = refuse(error, error_size, "the file is over the limit of 64 KiB");
    else
        r = tokens_parse(text, (size_t)size, TOKENS_LINES, SOURCE, ret_tokens, error, error_size);
    explicit_bzero(text, FILE_BYTES + 1);
    free(text);
    return r;
}

int tokens_load(const char *path, struct tokens *ret_tokens, bool *ret_exposed, char *error,
                size_t error_size) {
    struct stat status;
    /* Should it be a fifo, the open must not wait for a writer. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return refuse(error, error_size, strerror(errno));
    int r;
    if (fstat(fd, &status) < 0)
        r = refuse(error, error_size, strerror(errno));
    else if (!S_ISREG(status.st_mode))
        r = refuse(error, error_size, "it is not a regular file");
    else
        r = load(fd, ret_tokens, error, error_size);
    close(fd);
    if (r == 0)
        *ret_exposed = status.st_mode & S_IROTH;
    return r;
}

int tokens_take(const char *path, struct tokens *ret_tokens, bool *ret_exposed, char *error,
                size_t error_size) {
    char *text = getenv(VARIABLE);
    const char *file_variable = getenv(FILE_VARIABLE);
    int r = 0;
    *ret_exposed = false;
    if (text && *path) {
        r = refuse(error, error_size, "cannot be used together with " VARIABLE);
    } else if (text) {
        r = tokens_parse(text, strlen(text), TOKENS_COMMAS, VARIABLE, ret_tokens, error,
                         error_size);
    } else if (*path) {
        r = tokens_load(path, ret_tokens, ret_exposed, error, error_size);
    } else if (file_variable && !*file_variable) {
        /* Empty by mistake, most likely: not a reason to let everybody in. */
        snprintf(error, error_size, FILE_VARIABLE ": must not be empty");
        r = -EINVAL;
    } else {
        ret_tokens->count = 0;
    }
    if (text)
        explicit_bzero(text, strlen(text));
    unsetenv(VARIABLE);
    return r;
}
