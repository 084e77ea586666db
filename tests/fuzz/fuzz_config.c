/*
 * Fuzz target: config_parse. Each line of the input is an argument, or with a $ before it a
 * variable. What is taken goes through a role's command line unchanged; what is refused says why in
 * one line that names an option.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"

#define MOST_LINES 40

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static const char *variables[MOST_LINES];
static int variable_count;

static void require(bool holds) {
    if (!holds)
        abort();
}

static const char *find_variable(const char *name) {
    size_t size = strlen(name);
    for (int i = 0; i < variable_count; i++)
        if (strncmp(variables[i], name, size) == 0 && variables[i][size] == '=')
            return variables[i] + size + 1;
    return NULL;
}

static int count(char *const argv[]) {
    int argc = 0;
    while (argv[argc])
        argc++;
    return argc;
}

static void hand_on(const struct config *config) {
    struct config copy;
    char error[256];
    char **argv = config_argv(config, "program", ROLE_ZYGOTE);
    require(argv);
    require(config_parse(&copy, count(argv), argv, NULL, error, sizeof(error)) == 0);
    require(copy.role == ROLE_ZYGOTE);
    copy.role = config->role;
    require(memcmp(&copy, config, sizeof(copy)) == 0);
    config_argv_free(argv);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    char *text = malloc(size + 1), *argv[MOST_LINES + 1] = {(char *)"program"}, error[256];
    struct config config;
    int argc = 1;
    require(text);
    memcpy(text, bytes, size);
    text[size] = 0;
    variable_count = 0;
    for (char *rest = text, *line; (line = strsep(&rest, "\n"));)
        if (*line == '$' && variable_count < MOST_LINES)
            variables[variable_count++] = line + 1;
        else if (*line != '$' && argc < MOST_LINES)
            argv[argc++] = line;
    memset(error, 'x', sizeof(error));
    int r = config_parse(&config, argc, argv, find_variable, error, sizeof(error));
    if (r == 0) {
        hand_on(&config);
    } else {
        require(r == -EINVAL && memchr(error, 0, sizeof(error)));
        require(strstr(error, ": ") && !strchr(error, '\n'));
    }
    free(text);
    return 0;
}
