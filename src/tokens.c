/* tokens: parsing, and a comparison whose time tells nothing. */
#include "tokens.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static int refuse(char *error, size_t error_size, const char *source, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static int refuse(char *error, size_t error_size, const char *source, const char *format, ...) {
    char what[128];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof(what), format, arguments);
    va_end(arguments);
    snprintf(error, error_size, "%s: %s", source, what);
    return -EINVAL;
}

/* RFC 6750, 2.1: b64token. */
static bool is_token_byte(char byte) {
    static const char bytes[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                "-._~+/=";
    return byte && strchr(bytes, byte);
}

/* size: at most TOKEN_BYTES. */
static void token_set(struct token *token, const char *text, size_t size) {
    memset(token, 0, sizeof(*token));
    memcpy(token->bytes, text, size);
    token->bytes[TOKEN_BYTES] = (unsigned char)(size >> 8);
    token->bytes[TOKEN_BYTES + 1] = (unsigned char)size;
}

static void trim(const char **text, size_t *size) {
    for (; *size > 0 && strchr(" \t\r", **text); (*text)++)
        (*size)--;
    while (*size > 0 && strchr(" \t\r", (*text)[*size - 1]))
        (*size)--;
}

int tokens_parse(const char *text, size_t size, enum tokens_form form, const char *source,
                 struct tokens *ret_tokens, char *error, size_t error_size) {
    const char separator = form == TOKENS_LINES ? '\n' : ',';
    const char *part_name = form == TOKENS_LINES ? "line" : "token";
    struct tokens tokens = {0};
    int r = 0;
    for (unsigned part = 1; r == 0 && size > 0; part++) {
        const char *end = memchr(text, separator, size), *token = text;
        size_t token_size = end ? (size_t)(end - text) : size;
        text += token_size + (end != NULL);
        size -= token_size + (end != NULL);
        trim(&token, &token_size);
        if (token_size == 0 || (form == TOKENS_LINES && *token == '#'))
            continue;
        size_t good = 0;
        while (good < token_size && is_token_byte(token[good]))
            good++;
        if (good < token_size)
            r = refuse(error, error_size, source,
                       "%s %u: a token is made of letters, digits and -._~+/=", part_name, part);
        else if (token_size > TOKEN_BYTES)
            r = refuse(error, error_size, source, "%s %u: a token has at most %d characters",
                       part_name, part, TOKEN_BYTES);
        else if (tokens.count == TOKENS_MOST)
            r = refuse(error, error_size, source, "more than %d tokens", TOKENS_MOST);
        else
            token_set(&tokens.all[tokens.count++], token, token_size);
    }
    if (r == 0 && tokens.count == 0)
        r = refuse(error, error_size, source, "there is no token in it");
    if (r == 0)
        *ret_tokens = tokens;
    explicit_bzero(&tokens, sizeof(tokens));
    return r;
}

/* 1 or 0 without a branch on the bytes. */
static unsigned is_same(const struct token *one, const struct token *other) {
    volatile unsigned difference = 0;
    for (size_t i = 0; i < sizeof(one->bytes); i++)
        difference = difference | (unsigned)(one->bytes[i] ^ other->bytes[i]);
    return (difference - 1) >> 31;
}

bool tokens_allow(const struct tokens *tokens, const char *authorization) {
    static const char scheme[] = "Bearer ";
    struct token candidate;
    unsigned same = 0;
    if (tokens->count == 0)
        return true;
    if (!authorization || strncasecmp(authorization, scheme, strlen(scheme)) != 0)
        return false;
    authorization += strlen(scheme);
    authorization += strspn(authorization, " ");
    size_t size = strlen(authorization);
    if (size == 0 || size > TOKEN_BYTES)
        return false;
    token_set(&candidate, authorization, size);
    for (unsigned i = 0; i < tokens->count; i++)
        same |= is_same(&candidate, &tokens->all[i]);
    return same;
}
