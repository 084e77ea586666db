/*
 * config: the table of options, and what is made from it: parsing, --help, the command lines of the
 * roles. What depends on the machine is in config_machine.c. Knows no module that uses a setting.
 */
#include "config.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "protocol.h"

enum option_kind { OPTION_NUMBER, OPTION_TEXT, OPTION_CHOICE, OPTION_SET, OPTION_SWITCH };

struct option_row {
    const char *name;        /* flag without the dashes */
    const char *environment; /* NULL: flag only */
    enum option_kind kind;
    size_t offset; /* of the member in struct config */
    size_t size;   /* of a text member */
    uint64_t lowest, highest;
    const char *fallback; /* default, as it would be typed; NULL: empty or 0 */
    const char *choices; /* words separated by '|': their index is the value, or the bit of a set */
    const char *help;    /* NULL: internal, not shown */
};

#define NUMBER(flag, env, member, low, high, def, text)                                            \
    { flag, env, OPTION_NUMBER, offsetof(struct config, member), 0, low, high, def, NULL, text }
#define TEXT(flag, env, member, def, text)                                                         \
    {                                                                                              \
        flag, env, OPTION_TEXT, offsetof(struct config, member),                                   \
            sizeof(((struct config *)0)->member), 0, 0, def, NULL, text                            \
    }
#define CHOICE(flag, env, member, words, def, text)                                                \
    { flag, env, OPTION_CHOICE, offsetof(struct config, member), 0, 0, 0, def, words, text }
#define SET(flag, env, member, words, text)                                                        \
    { flag, env, OPTION_SET, offsetof(struct config, member), 0, 0, 0, NULL, words, text }
#define SWITCH(flag, member, text)                                                                 \
    { flag, NULL, OPTION_SWITCH, offsetof(struct config, member), 0, 0, 0, NULL, NULL, text }

static const struct option_row option_table[] = {
    TEXT("address", "CODE_RUNNER_ADDRESS", address, "0.0.0.0",
         "numeric address to listen on (:: for IPv6 too)"),
    NUMBER("port", "PORT", port, 1, 65535, "8080", "TCP port to listen on"),
    NUMBER("slots", "CODE_RUNNER_SLOTS", slots, 0, 256, "0",
           "scripts that run at once; 0: from processors and memory"),
    NUMBER("pool", "CODE_RUNNER_POOL", pool, 0, 256, "2", "workers that wait ahead of requests"),
    NUMBER("queue", "CODE_RUNNER_QUEUE", queue, 0, 100000, "256",
           "requests that may wait for a slot"),
    NUMBER("queue-wait-seconds", "CODE_RUNNER_QUEUE_WAIT_SECONDS", queue_wait_s, 1, 3600, "30",
           "longest wait for a slot"),
    NUMBER("grace-seconds", "CODE_RUNNER_GRACE_SECONDS", grace_s, 0, 3600, "8",
           "time for running scripts after SIGTERM"),
    NUMBER("timeout-seconds", "CODE_RUNNER_TIMEOUT_SECONDS", timeout_s, 1, 3600, "30",
           "wall time of a script"),
    NUMBER("memory-mb", "CODE_RUNNER_MEMORY_MB", memory_mb, 32, 65536, "300",
           "memory of a script with all its processes, MiB"),
    NUMBER("file-mb", "CODE_RUNNER_FILE_MB", file_mb, 1, 1024, "10", "size of one file, MiB"),
    NUMBER("output-mb", "CODE_RUNNER_OUTPUT_MB", output_mb, 1, 64, "10",
           "stdout and stderr together; the result; figures; files sent back, MiB"),
    NUMBER("input-mb", "CODE_RUNNER_INPUT_MB", input_mb, 1, 64, "10",
           "files of a request together; its standard input, MiB"),
    NUMBER("scratch-mb", "CODE_RUNNER_SCRATCH_MB", scratch_mb, 1, 4096, "64",
           "files of a script all together, MiB"),
    NUMBER("script-bytes", "CODE_RUNNER_SCRIPT_BYTES", script_bytes, 1, 1000000, "50000",
           "source of a script, bytes"),
    NUMBER("processes", "CODE_RUNNER_PROCESSES", processes, 8, 4096, "64",
           "processes and threads of a script"),
    CHOICE("start", "CODE_RUNNER_START", start, "warm|cold", "warm",
           "how workers start: forked from a loaded interpreter, or a python3 each"),
    TEXT("preload", "CODE_RUNNER_PRELOAD", preload,
         "numpy,pandas,scipy,sklearn,matplotlib,seaborn,requests",
         "libraries of warm workers, by import name; none: the standard library only"),
    NUMBER("renew-runs", "CODE_RUNNER_RENEW_RUNS", renew_runs, 0, 1000000000, "10000",
           "runs after which the loaded interpreter is replaced; 0: never"),
    NUMBER("renew-minutes", "CODE_RUNNER_RENEW_MINUTES", renew_minutes, 0, 100000, "60",
           "minutes after which it is replaced; 0: never"),
    CHOICE("snapshot", "CODE_RUNNER_SNAPSHOT", snapshot, "auto|off", "auto",
           "make the loaded interpreter cheap to fork"),
    TEXT("python", "CODE_RUNNER_PYTHON", python, "/usr/bin/python3.11",
         "interpreter of cold workers"),
    NUMBER("uid-base", "CODE_RUNNER_UID_BASE", uid_base, 0, 65000, "0",
           "first of the uids for the server and the slots; 0: at random"),
    SET("require", "CODE_RUNNER_REQUIRE", require, LAYER_WORDS,
        "layers of the sandbox without which it does not start, comma-separated (see --check)"),
    SET("without", "CODE_RUNNER_WITHOUT", without, LAYER_WORDS_OPTIONAL,
        "layers that are not to be used, so that their fallback is; for trying it"),
    SWITCH("check", check, "print which layers of the sandbox hold here, and exit"),
    SWITCH("trace", trace, "tell in Server-Timing how long each stage of a worker's start took"),
    SWITCH("help", help, "print this and exit"),
    SWITCH("version", version, "print the version and exit"),
    NUMBER("generation", NULL, generation, 0, UINT64_MAX, "0", NULL),
    CHOICE("role", NULL, role, "monitor|server|zygote", "monitor", NULL),
};
#define OPTION_COUNT (sizeof(option_table) / sizeof(option_table[0]))

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
    char word[40];
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
        memcpy(member, text, strlen(text) + 1);
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
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (option_table[i].fallback)
            set_option(config, &option_table[i], "", option_table[i].fallback, unused,
                       sizeof(unused));
}

static const struct option_row *find_option(const char *name, size_t size) {
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (strlen(option_table[i].name) == size && memcmp(option_table[i].name, name, size) == 0)
            return &option_table[i];
    return NULL;
}

static int parse_environment(struct config *config, const char *(*getenv_fn)(const char *),
                             char *error, size_t error_size) {
    for (size_t i = 0; getenv_fn && i < OPTION_COUNT; i++) {
        const struct option_row *row = &option_table[i];
        const char *value = row->environment ? getenv_fn(row->environment) : NULL;
        if (!value || !*value)
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
    if (!row) {
        snprintf(error, error_size, "%.60s: no such option (see --help)", argument);
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
        return snprintf(text, size, "--%s=%llu", row->name, (unsigned long long)number);
    case OPTION_TEXT:
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
    char **argv = calloc(OPTION_COUNT + 2, sizeof(*argv)), text[512];
    if (!argv || !(argv[0] = strdup(program)))
        goto fail;
    size_t count = 1;
    for (size_t i = 0; i < OPTION_COUNT; i++)
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
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const struct option_row *row = &option_table[i];
        if (row->help)
            fprintf(file, "| `--%s` | %s%s%s | %s | %s |\n", row->name, row->environment ? "`" : "",
                    row->environment ? row->environment : "", row->environment ? "`" : "",
                    row->fallback ? row->fallback : "", row->help);
    }
}
