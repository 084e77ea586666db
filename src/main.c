/* main: parses the settings and becomes the role that they name. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "log.h"
#include "roles.h"
#include "tokens.h"
#include "version.h"

static const char *environment_value(const char *name) {
    return getenv(name);
}

/* The environment as the kernel shows it to others (gVisor to anybody, /proc/PID/environ) holds
 * what the operator put there: it is moved where only this process sees it. */
static void hide_environment(void) {
    size_t count = 0, copied = 0;
    while (environ[count])
        count++;
    char **copy = calloc(count + 1, sizeof(*copy));
    while (copy && copied < count && (copy[copied] = strdup(environ[copied])))
        copied++;
    if (!copy || copied < count) {
        fprintf(stderr, "code-runner: out of memory\n");
        exit(1);
    }
    for (size_t i = 0; i < count; i++)
        memset(environ[i], 0, strlen(environ[i]));
    environ = copy;
}

static void complete(struct config *config) {
    const bool wanted =
        config->start == START_WARM && (config->renew_runs || config->renew_minutes);
    config_complete(config);
    if (wanted && !config->renew_runs && !config->renew_minutes && !config->check)
        log_line(LOG_WARNING, "too little memory to replace the loaded interpreter while scripts "
                              "run: --renew-runs and --renew-minutes are off");
}

/* What the operator starts. The tokens are its alone: of what it starts only the server gets them.
 */
static int main_role(struct config *config) {
    static struct tokens tokens;
    char error[256], token_file[sizeof(config->token_file)];
    bool exposed;
    if (tokens_take(config->token_file, &tokens, &exposed, error, sizeof(error)) < 0) {
        fprintf(stderr, "code-runner: %s\n", error);
        return 2;
    }
    if (exposed)
        log_line(LOG_WARNING, "--token-file: every user of this machine can read it");
    memcpy(token_file, config->token_file, sizeof(token_file));
    config->token_file[0] = 0;
    complete(config);
    if (config_check_uids(config, error, sizeof(error)) < 0) {
        fprintf(stderr, "code-runner: %s\n", error);
        return 2;
    }
    if (!config->check)
        return monitor_main(config, "/proc/self/exe", token_file, &tokens);
    explicit_bzero(&tokens, sizeof(tokens));
    return check_main(config);
}

int main(int argc, char *argv[]) {
    struct config config;
    char error[256];
    hide_environment();
    if (config_parse(&config, argc, argv, environment_value, error, sizeof(error)) < 0) {
        fprintf(stderr, "code-runner: %s\n", error);
        return 2;
    }
    if (config.help || config.version) {
        if (config.help)
            config_print_help(stdout);
        else
            puts("code-runner " VERSION);
        return 0;
    }
    log_init((enum log_format)config.log);
    switch (config.role) {
    case ROLE_SERVER:
        return server_main(&config);
    case ROLE_ZYGOTE:
        /* Its memory, and so its command line, is what scripts see of themselves. */
        for (int i = 1; i < argc; i++)
            memset(argv[i], 0, strlen(argv[i]));
        return zygote_main(&config);
    default:
        return main_role(&config);
    }
}
