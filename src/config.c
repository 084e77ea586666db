/*
 * config: flags and environment -> struct config, by the table. What depends on the machine is in
 * config_machine.c.
 */
#include "config.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "config_table.h"

static int parse_number(const struct option_row *row, const char *text, uint64_t *ret_value) {
    if (!*text || strspn(text, "0123456789") != strlen(text))
        return -EINVAL;
    errno = 0;
    unsigned long long value = strtoull(text, NULL, 10);
    if (errno || value < row->lowest || value > row->highest)
        return -ERANGE;
    *ret_value = value;
    return 0;
}

/* Index of word among the choices; -EINVAL if it is none of them. */
static int find_choice(const char *choices, const char *word) {
    size_t length = strlen(word);
    for (int index = 0;; index++) {
        size_t size = strcspn(choices, "|");
        if (size == length && memcmp(choices, word, size) == 0)
            return index;
        if (!choices[size])
            return -EINVAL;
        choices += size + 1;
    }
}

/* "a,b" -> bits. On failure *ret_word is the word that is none of the choices. */
static int parse_set(const char *choices, const char *text, uint64_t *ret_bits, char *ret_word,
                     size_t size) {
    uint64_t bits = 0;
    for (;;) {
        size_t length = strcspn(text, ",");
        snprintf(ret_word, size, "%.*s", (int)length, text);
        int index = length < size ? find_choice(choices, ret_word) : -EINVAL;
        if (index < 0)
            return -EINVAL;
        bits |= UINT64_C(1) << index;
        if (!text[length])
            break;
        text += length + 1;
    }
    *ret_bits = bits;
    return 0;
}

/* source is "--name" or the variable's name, for the message. */
static int set_option(struct config *config, const struct option_row *row, const char *source,
                      const char *text, char *error, size_t error_size) {
    void *member = (char *)config + row->offset;
    uint64_t number;
    int choice;
    char word[40], what[192];
    switch (row->kind) {
    case OPTION_NUMBER:
        if (parse_number(row, text, &number) < 0) {
            snprintf(error, error_size, "%s: '%.40s' is not a whole number from %llu to %llu",
                     source, text, (unsigned long long)row->lowest,
                     (unsigned long long)row->highest);
            return -EINVAL;
        }
        memcpy(member, &number, sizeof(number));
        return 0;
    case OPTION_TEXT:
        if (!*text || strlen(text) >= row->size) {
            snprintf(error, error_size, "%s: must have 1 to %zu characters", source, row->size - 1);
            return -EINVAL;
        }
        if (row->check && row->check(text, what, sizeof(what)) < 0) {
            snprintf(error, error_size, "%s: %s", source, what);
            return -EINVAL;
        }
        /* Nothing stays of a longer text from before. */
        memset(member, 0, row->size);
        memcpy(member, text, strlen(text));
        return 0;
    case OPTION_CHOICE:
        choice = find_choice(row->choices, text);
        if (choice < 0) {
            snprintf(error, error_size, "%s: '%.40s' is not one of %s", source, text, row->choices);
            return -EINVAL;
        }
        memcpy(member, &choice, sizeof(choice));
        return 0;
    case OPTION_SET:
        if (parse_set(row->choices, text, &number, word, sizeof(word)) < 0) {
            snprintf(error, error_size, "%s: '%s' is not one of %s", source, word, row->choices);
            return -EINVAL;
        }
        memcpy(member, &number, sizeof(number));
        return 0;
    case OPTION_SWITCH:
        *(bool *)member = true;
        return 0;
    }
    return -EINVAL;
}

void config_init(struct config *config) {
    char unused[128];
    memset(config, 0, sizeof(*config));
    for (size_t i = 0; i < option_count; i++)
        if (option_table[i].fallback)
            set_option(config, &option_table[i], "", option_table[i].fallback, unused,
                       sizeof(unused));
    config->pool = CONFIG_POOL_UNSET;
}

static const struct option_row *find_option(const char *name, size_t size) {
    for (size_t i = 0; i < option_count; i++)
        if (strlen(option_table[i].name) == size && memcmp(option_table[i].name, name, size) == 0)
            return &option_table[i];
    return NULL;
}

/* What lets less in. Somebody meant something by naming it: that it is nothing is an error. */
static bool is_a_guard(const struct option_row *row) {
    return row->offset == offsetof(struct config, require) ||
           row->offset == offsetof(struct config, token_file);
}

static int parse_environment(struct config *config, const char *(*getenv_fn)(const char *),
                             char *error, size_t error_size) {
    for (size_t i = 0; getenv_fn && i < option_count; i++) {
        const struct option_row *row = &option_table[i];
        const char *value = row->environment ? getenv_fn(row->environment) : NULL;
        if (!value || (!*value && !is_a_guard(row)))
            continue;
        int r = set_option(config, row, row->environment, value, error, error_size);
        if (r < 0)
            return r;
    }
    return 0;
}

/* One flag at argv[*index]; moves *index on when the value is the next argument. */
static int parse_flag(struct config *config, int argc, char *const argv[], int *index, char *error,
                      size_t error_size) {
    const char *argument = argv[*index];
    size_t size = strncmp(argument, "--", 2) == 0 ? strcspn(argument + 2, "=") : 0;
    const struct option_row *row = size ? find_option(argument + 2, size) : NULL;
    /* Without its value, which may be a secret. */
    int name_size = (int)strcspn(argument, "=") < 60 ? (int)strcspn(argument, "=") : 60;
    if (!row) {
        snprintf(error, error_size, "%.*s: no such option (see --help)", name_size, argument);
        return -EINVAL;
    }
    char source[64];
    snprintf(source, sizeof(source), "--%s", row->name);
    const char *value = argument[2 + size] == '=' ? argument + 2 + size + 1 : NULL;
    if (row->kind == OPTION_SWITCH && value) {
        snprintf(error, error_size, "%s: takes no value", source);
        return -EINVAL;
    }
    if (row->kind != OPTION_SWITCH && !value) {
        if (*index + 1 >= argc) {
            snprintf(error, error_size, "%s: needs a value", source);
            return -EINVAL;
        }
        value = argv[++*index];
    }
    return set_option(config, row, source, value, error, error_size);
}

int config_parse(struct config *config, int argc, char *const argv[],
                 const char *(*getenv_fn)(const char *name), char *error, size_t error_size) {
    config_init(config);
    int r = parse_environment(config, getenv_fn, error, error_size);
    for (int i = 1; r == 0 && i < argc; i++)
        r = parse_flag(config, argc, argv, &i, error, error_size);
    return r;
}
