/* python: cold workers: each execs a fresh python3 that runs the harness, compiled beforehand. */
#include "python.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "embedded.h"
#include "identity.h"
#include "mounts.h"
#include "sandbox.h"

#define HARNESS_COMPILED "load.pyc"

/* In the directory that is the working directory. */
static const char compile_harness[] =
    "import runpy; runpy.run_path('load.py', run_name='load')['pack']('.', '.')";
static const char build_font_list[] = "import matplotlib.font_manager";

static int write_text(const char *directory, const struct embedded_text *text) {
    char path[128];
    int n = snprintf(path, sizeof(path), "%s/%s.py", directory, text->name);
    if (n < 0 || (size_t)n >= sizeof(path))
        return -ENAMETOOLONG;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0)
        return -errno;
    size_t size = strlen(text->source);
    int r = write(fd, text->source, size) == (ssize_t)size ? 0 : -EIO;
    close(fd);
    return r;
}

static int write_harness(const char *directory) {
    int r = 0;
    for (const struct embedded_text *text = embedded_harness; r == 0 && text->name; text++)
        r = write_text(directory, text);
    return r;
}

/* Runs python3 -c code in the directory, as uid where the plan has unique uids, and waits for it.
 */
static int run_python(const struct sandbox *sandbox, const char *directory, const char *code,
                      uid_t uid) {
    char config_directory[96], cache_directory[96];
    snprintf(config_directory, sizeof(config_directory), "MPLCONFIGDIR=%s", directory);
    snprintf(cache_directory, sizeof(cache_directory), "XDG_CACHE_HOME=%s", directory);
    char *const argv[] = {
        (char *)sandbox->config->python, "-I", "-X", "utf8", "-c", (char *)code, NULL};
    char *const envp[] = {
        "PATH=/usr/bin:/bin", "HOME=/nonexistent", "LANG=C.UTF-8",           config_directory,
        cache_directory,      "MPLBACKEND=Agg",    "OPENBLAS_NUM_THREADS=1", NULL};
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        if (chdir(directory) == 0 && identity_drop(uid, &sandbox->plan) == 0)
            execve(argv[0], argv, envp);
        _exit(127);
    }
    if (pid < 0 || waitpid(pid, &status, 0) < 0)
        return -errno;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -ENOEXEC;
}

/* The directory belongs to the uid while python3 writes into it, then to us again. */
static int run_in_directory(const struct sandbox *sandbox, const char *directory,
                            const char *code) {
    uid_t uid = (uid_t)sandbox->config->uid_base;
    if (sandbox->plan.unique_uid && chown(directory, uid, uid) < 0)
        return -errno;
    int r = run_python(sandbox, directory, code, uid);
    if (sandbox->plan.unique_uid && chown(directory, geteuid(), getegid()) < 0)
        return -errno;
    return r;
}

/* The list's name holds a version of matplotlib's: look. */
int python_find_font_list(struct sandbox *sandbox) {
    DIR *directory = opendir(sandbox->places.fonts);
    if (!directory)
        return -errno;
    int r = -ENOENT;
    for (struct dirent *entry; r == -ENOENT && (entry = readdir(directory));)
        if (strncmp(entry->d_name, "fontlist", 8) == 0 &&
            strlen(entry->d_name) < sizeof(sandbox->font_list)) {
            memcpy(sandbox->font_list, entry->d_name, strlen(entry->d_name) + 1);
            r = 0;
        }
    closedir(directory);
    return r;
}

int python_prepare(struct sandbox *sandbox, const char **ret_what) {
    const struct config *config = sandbox->config;
    if (config->start == START_WARM)
        return 0; /* the zygote's own interpreter has the harness, and makes the font list */
    *ret_what = "the harness with the interpreter of --python";
    int r = write_harness(sandbox->places.harness);
    if (r == 0)
        r = run_in_directory(sandbox, sandbox->places.harness, compile_harness);
    if (r < 0)
        return r;
    *ret_what = "matplotlib's font list with the interpreter of --python";
    r = run_in_directory(sandbox, sandbox->places.fonts, build_font_list);
    return r < 0 ? r : python_find_font_list(sandbox);
}

void python_environment(const struct slot *slot, char *ret_envp[PYTHON_ENVIRONMENT_MOST]) {
    char *const envp[] = {"PATH=/usr/local/bin:/usr/bin:/bin", (char *)slot->variables[0],
                          (char *)slot->variables[2], "LANG=C.UTF-8", "USER=sandbox",
                          "LOGNAME=sandbox", "MPLBACKEND=Agg", (char *)slot->variables[1],
                          /* a BLAS with threads reserves more than it gets here, and hangs */
                          "OPENBLAS_NUM_THREADS=1", "OMP_NUM_THREADS=1",
                          (char *)slot->sandbox->output_limit, NULL};
    _Static_assert(sizeof(envp) / sizeof(envp[0]) <= PYTHON_ENVIRONMENT_MOST, "too many");
    memcpy(ret_envp, envp, sizeof(envp));
}

int python_exec(const struct slot *slot) {
    const struct sandbox *sandbox = slot->sandbox;
    char compiled[96], *envp[PYTHON_ENVIRONMENT_MOST];
    int n = snprintf(compiled, sizeof(compiled), "%s/" HARNESS_COMPILED, sandbox->places.harness);
    if (n < 0 || (size_t)n >= sizeof(compiled))
        return -ENAMETOOLONG;
    char *const argv[] = {
        (char *)sandbox->config->python, "-I", "-X", "utf8", "-B", compiled, NULL};
    python_environment(slot, envp);
    execve(argv[0], argv, envp);
    return -errno;
}
