/*
 * Fuzz target: tokens and cors. The first line of the input is a header's value, the rest is a file
 * of tokens, and a list of origins. A header lets in exactly when it names a line of the file.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cors.h"
#include "tokens.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void require(bool holds) {
    if (!holds)
        abort();
}

/* The slow and obvious way. */
static bool is_line(const char *token, const char *file) {
    size_t size = strlen(token);
    for (const char *line = file; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        size_t blank = strspn(line, " \t\r"), length = strcspn(line + blank, " \t\r\n");
        if (size > 0 && line[blank] != '#' && length == size &&
            memcmp(line + blank, token, size) == 0)
            return true;
    }
    return false;
}

static void check_tokens(const char *header, const char *file) {
    struct tokens tokens = {0};
    char error[256] = "";
    int r = tokens_parse(file, strlen(file), TOKENS_LINES, "source", &tokens, error, sizeof(error));
    require(r == 0 ? tokens.count > 0 && tokens.count <= TOKENS_MOST
                   : r == -EINVAL && tokens.count == 0 && strncmp(error, "source: ", 8) == 0);
    if (r < 0)
        return;
    bool bearer = strncasecmp(header, "Bearer ", 7) == 0;
    const char *token = bearer ? header + 7 + strspn(header + 7, " ") : "";
    require(tokens_allow(&tokens, header) == is_line(token, file));
    require(!tokens_allow(&tokens, NULL));
}

static void check_origins(const char *origin, const char *list) {
    char error[256];
    const char *allowed = cors_allow(list, origin);
    if (cors_check(list, error, sizeof(error)) < 0)
        return;
    /* Nothing that could end a header's line comes back. */
    require(!allowed || !strpbrk(allowed, "\r\n \t"));
    require(!allowed || strcmp(allowed, "*") == 0 || strstr(list, allowed));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    char *text = malloc(size + 1);
    require(text);
    memcpy(text, bytes, size);
    text[size] = 0;
    char *rest = text, *header = strsep(&rest, "\n");
    if (rest) {
        check_tokens(header, rest);
        check_origins(header, rest);
    }
    free(text);
    return 0;
}
