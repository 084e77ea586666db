/* config_format: struct config -> the command lines of the roles; the table -> --help. */
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "config_table.h"

/* "--name=a,b"; 0 characters for the empty set. */
static int format_set(const struct option_row *row, uint64_t bits, char *text, size_t size) {
    int length = bits ? snprintf(text, size, "--%s=", row->name) : 0;
    const char *word = row->choices;
    for (const char *comma = ""; bits; bits >>= 1, word += strcspn(word, "|") + 1)
        if (bits & 1) {
            length += snprintf(text + length, size - (size_t)length, "%s%.*s", comma,
                               (int)strcspn(word, "|"), word);
            comma = ",";
        }
    return length;
}

static int format_value(const struct config *config, const struct option_row *row, char *text,
                        size_t size) {
    const void *member = (const char *)config + row->offset;
    uint64_t number;
    int choice;
    switch (row->kind) {
    case OPTION_NUMBER:
        memcpy(&number, member, sizeof(number));
        if (number > row->highest) /* config_complete() has not chosen it yet */
            return 0;
        return snprintf(text, size, "--%s=%llu", row->name, (unsigned long long)number);
    case OPTION_TEXT:
        if (!*(const char *)member)
            return 0;
        return snprintf(text, size, "--%s=%s", row->name, (const char *)member);
    case OPTION_CHOICE:
        memcpy(&choice, member, sizeof(choice));
        const char *word = row->choices;
        for (; choice > 0; choice--)
            word += strcspn(word, "|") + 1;
        return snprintf(text, size, "--%s=%.*s", row->name, (int)strcspn(word, "|"), word);
    case OPTION_SET:
        memcpy(&number, member, sizeof(number));
        return format_set(row, number, text, size);
    case OPTION_SWITCH:
        return *(const bool *)member ? snprintf(text, size, "--%s", row->name) : 0;
    }
    return 0;
}

char **config_argv(const struct config *config, const char *program, enum role role) {
    struct config copy = *config;
    copy.role = role;
    char **argv = calloc(option_count + 2, sizeof(*argv)), text[640];
    if (!argv || !(argv[0] = strdup(program)))
        goto fail;
    size_t count = 1;
    for (size_t i = 0; i < option_count; i++)
        if (format_value(&copy, &option_table[i], text, sizeof(text)) > 0 &&
            !(argv[count++] = strdup(text)))
            goto fail;
    return argv;
fail:
    config_argv_free(argv);
    return NULL;
}

void config_argv_free(char **argv) {
    for (char **argument = argv; argument && *argument; argument++)
        free(*argument);
    free(argv);
}

void config_print_help(FILE *file) {
    fputs("usage: code-runner [--option=value ...]\n"
          "Runs Python scripts from POST /execute, each in a sandbox of its own.\n\n"
          "| option | environment | default | meaning |\n| --- | --- | --- | --- |\n",
          file);
    for (size_t i = 0; i < option_count; i++) {
        const struct option_row *row = &option_table[i];
        if (row->help)
            fprintf(file, "| `--%s` | %s%s%s | %s | %s |\n", row->name, row->environment ? "`" : "",
                    row->environment ? row->environment : "", row->environment ? "`" : "",
                    row->fallback ? row->fallback : "", row->help);
    }
}
