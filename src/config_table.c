/* config_table: one row an option. Knows no module that uses a setting but for what it checks. */
#include "config_table.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "cors.h"
#include "protocol.h"

static int check_address(const char *text, char *error, size_t error_size) {
    struct in6_addr address;
    if (inet_pton(AF_INET, text, &address) == 1 || inet_pton(AF_INET6, text, &address) == 1)
        return 0;
    snprintf(error, error_size, "'%.60s' is not a numeric IPv4 or IPv6 address", text);
    return -EINVAL;
}

static int check_path(const char *text, char *error, size_t error_size) {
    if (*text == '/')
        return 0;
    snprintf(error, error_size, "'%.60s' does not begin with /", text);
    return -EINVAL;
}

/* Whether they can be imported is found out by whoever does it. */
static int check_names(const char *text, char *error, size_t error_size) {
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789.";
    for (;;) {
        size_t size = strcspn(text, ",");
        if (size == 0 || strspn(text, letters) < size) {
            snprintf(error, error_size, "'%.*s' is not the name of a module",
                     (int)(size < 60 ? size : 60), text);
            return -EINVAL;
        }
        if (!text[size])
            return 0;
        text += size + 1;
    }
}

#define NUMBER(flag, env, member, low, high, def, text)                                            \
    {                                                                                              \
        flag, env, OPTION_NUMBER, offsetof(struct config, member), 0, low, high, NULL, def, NULL,  \
            text                                                                                   \
    }
#define TEXT(flag, env, member, check, def, text)                                                  \
    {                                                                                              \
        flag, env, OPTION_TEXT, offsetof(struct config, member),                                   \
            sizeof(((struct config *)0)->member), 0, 0, check, def, NULL, text                     \
    }
#define CHOICE(flag, env, member, words, def, text)                                                \
    { flag, env, OPTION_CHOICE, offsetof(struct config, member), 0, 0, 0, NULL, def, words, text }
#define SET(flag, env, member, words, text)                                                        \
    { flag, env, OPTION_SET, offsetof(struct config, member), 0, 0, 0, NULL, NULL, words, text }
#define SWITCH(flag, member, text)                                                                 \
    { flag, NULL, OPTION_SWITCH, offsetof(struct config, member), 0, 0, 0, NULL, NULL, NULL, text }

const struct option_row option_table[] = {
    TEXT("address", "CODE_RUNNER_ADDRESS", address, check_address, "0.0.0.0",
         "numeric address to listen on (:: for IPv6 too)"),
    NUMBER("port", "PORT", port, 1, 65535, "8080", "TCP port to listen on"),
    NUMBER("slots", "CODE_RUNNER_SLOTS", slots, 0, 256, "0",
           "scripts that run at once; 0: from processors and memory"),
    NUMBER("pool", "CODE_RUNNER_POOL", pool, 0, 256, NULL,
           "workers that wait ahead of requests; not given: 4 for each slot, at most 16, or 4 with "
           "--start=cold or few descriptors (ulimit -n)"),
    NUMBER("queue", "CODE_RUNNER_QUEUE", queue, 0, 100000, "256",
           "requests that may wait for a slot"),
    NUMBER("queue-wait-seconds", "CODE_RUNNER_QUEUE_WAIT_SECONDS", queue_wait_s, 1, 3600, "30",
           "longest wait for a slot"),
    NUMBER("connections", "CODE_RUNNER_CONNECTIONS", connections, 0, 100000, "0",
           "connections at once; 0: from queue, slots and descriptors"),
    NUMBER("connections-per-address", "CODE_RUNNER_CONNECTIONS_PER_ADDRESS",
           connections_per_address, 0, 100000, "0",
           "of them from one address or IPv6 /64; 0: no limit (all share one behind a proxy)"),
    NUMBER("head-seconds", "CODE_RUNNER_HEAD_SECONDS", head_s, 1, 3600, "10",
           "time for a client to send the head of a request"),
    NUMBER("body-seconds", "CODE_RUNNER_BODY_SECONDS", body_s, 1, 3600, "30",
           "time for it to send the body"),
    NUMBER("idle-seconds", "CODE_RUNNER_IDLE_SECONDS", idle_s, 1, 3600, "60",
           "time that a connection is kept between two requests"),
    NUMBER("grace-seconds", "CODE_RUNNER_GRACE_SECONDS", grace_s, 0, 3600, "8",
           "time for running scripts after SIGTERM"),
    NUMBER("timeout-seconds", "CODE_RUNNER_TIMEOUT_SECONDS", timeout_s, 1, 3600, "30",
           "wall time of a script"),
    NUMBER("memory-mb", "CODE_RUNNER_MEMORY_MB", memory_mb, CONFIG_LEAST_MEMORY_MB, 65536, "300",
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
    TEXT("preload", "CODE_RUNNER_PRELOAD", preload, check_names,
         "numpy,pandas,scipy,sklearn,matplotlib,seaborn,requests",
         "libraries of warm workers, by import name; none: the standard library only"),
    NUMBER("renew-runs", "CODE_RUNNER_RENEW_RUNS", renew_runs, 0, 1000000000, "100000",
           "runs after which the loaded interpreter is replaced; 0: never"),
    NUMBER("renew-minutes", "CODE_RUNNER_RENEW_MINUTES", renew_minutes, 0, 100000, "60",
           "minutes after which it is replaced; 0: never"),
    CHOICE("snapshot", "CODE_RUNNER_SNAPSHOT", snapshot, "auto|off", "auto",
           "make the loaded interpreter cheap to fork"),
    TEXT("python", "CODE_RUNNER_PYTHON", python, check_path, "/usr/bin/python3.11",
         "interpreter of cold workers"),
    NUMBER("uid-base", "CODE_RUNNER_UID_BASE", uid_base, 0, 65534, "0",
           "first of the uids for the server and the slots; 0: at random"),
    TEXT("token-file", "CODE_RUNNER_TOKEN_FILE", token_file, NULL, NULL,
         "file of bearer tokens, one a line, of which requests must have one; or put them into "
         "CODE_RUNNER_TOKENS, with commas"),
    TEXT("cors-origin", "CODE_RUNNER_CORS_ORIGIN", cors_origin, cors_check, NULL,
         "web origins whose pages may use the service, comma-separated; *: all"),
    SET("require", "CODE_RUNNER_REQUIRE", require, LAYER_WORDS,
        "layers of the sandbox without which it does not start, comma-separated (see --check)"),
    SET("without", "CODE_RUNNER_WITHOUT", without, LAYER_WORDS_OPTIONAL,
        "layers that are not to be used, so that their fallback is; for trying it"),
    CHOICE("log", "CODE_RUNNER_LOG", log, "text|json", "text",
           "form of the log on standard output"),
    TEXT("log-project", "GOOGLE_CLOUD_PROJECT", log_project, NULL, NULL,
         "project of Google Cloud that the log's traces belong to"),
    SWITCH("log-probes", log_probes,
           "log every request for /health, /ready and /metrics, not only changes of their status"),
    SWITCH("check", check, "print which layers of the sandbox hold here, and exit"),
    SWITCH("trace", trace, "tell in Server-Timing how long each stage of a worker's start took"),
    SWITCH("help", help, "print this and exit"),
    SWITCH("version", version, "print the version and exit"),
    NUMBER("generation", NULL, generation, 0, UINT64_MAX, "0", NULL),
    NUMBER("requests-mb", NULL, requests_mb, 0, 1 << 20, "0", NULL),
    NUMBER("answers-mb", NULL, answers_mb, 0, 1 << 20, "0", NULL),
    CHOICE("role", NULL, role, "monitor|server|zygote", "monitor", NULL),
};
const size_t option_count = sizeof(option_table) / sizeof(option_table[0]);
