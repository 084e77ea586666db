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

#define HARNESS_FILE SANDBOX_HARNESS "/harness.py"
#define HARNESS_COMPILED SANDBOX_HARNESS "/harness.pyc"

static const char compile_harness[] =
    "import py_compile; py_compile.compile('" HARNESS_FILE "', '" HARNESS_COMPILED
    "', 'harness.py', doraise=True,"
    " invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)";
static const char build_font_list[] = "import matplotlib.font_manager";

static int write_harness(void) {
    int fd = open(HARNESS_FILE, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0)
        return -errno;
    size_t size = strlen(harness_source);
    int r = write(fd, harness_source, size) == (ssize_t)size ? 0 : -EIO;
    close(fd);
    return r;
}

/* Runs python3 -c code and waits for it. */
static int run_python(const struct config *config, const char *code, uid_t uid) {
    char *const argv[] = {(char *)config->python, "-I", "-X", "utf8", "-c", (char *)code, NULL};
    char *const envp[] = {"PATH=/usr/bin:/bin",
                          "HOME=/nonexistent",
                          "LANG=C.UTF-8",
                          "MPLCONFIGDIR=" SANDBOX_FONT_CACHE,
                          "XDG_CACHE_HOME=" SANDBOX_FONT_CACHE,
                          "MPLBACKEND=Agg",
                          "OPENBLAS_NUM_THREADS=1",
                          NULL};
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        if (identity_drop(uid) == 0)
            execve(argv[0], argv, envp);
        _exit(127);
    }
    if (pid < 0 || waitpid(pid, &status, 0) < 0)
        return -errno;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -ENOEXEC;
}

/* The directory belongs to the uid while python3 writes into it, then to root again. */
static int run_in_directory(const struct config *config, const char *directory, const char *code) {
    uid_t uid = (uid_t)config->uid_base;
    if (chown(directory, uid, uid) < 0)
        return -errno;
    int r = run_python(config, code, uid);
    if (chown(directory, 0, 0) < 0)
        return -errno;
    return r;
}

/* The list's name holds a version of matplotlib's: look. */
int python_find_font_list(char *ret_name, size_t size) {
    DIR *directory = opendir(SANDBOX_FONT_CACHE);
    if (!directory)
        return -errno;
    int r = -ENOENT;
    for (struct dirent *entry; r == -ENOENT && (entry = readdir(directory));)
        if (strncmp(entry->d_name, "fontlist", 8) == 0 && strlen(entry->d_name) < size) {
            snprintf(ret_name, size, "%s", entry->d_name);
            r = 0;
        }
    closedir(directory);
    return r;
}

int python_prepare(struct sandbox *sandbox, const char **ret_what) {
    const struct config *config = sandbox->config;
    if (config->start == START_WARM)
        return 0; /* the zygote's own interpreter has the harness, and makes the font list */
    *ret_what = "the harness";
    int r = write_harness();
    if (r == 0)
        r = run_in_directory(config, SANDBOX_HARNESS, compile_harness);
    if (r < 0)
        return r;
    *ret_what = "matplotlib's font list";
    r = run_in_directory(config, SANDBOX_FONT_CACHE, build_font_list);
    if (r == 0)
        r = python_find_font_list(sandbox->font_list, sizeof(sandbox->font_list));
    snprintf(sandbox->output_limit, sizeof(sandbox->output_limit), "CODE_RUNNER_OUTPUT_BYTES=%llu",
             (unsigned long long)config->output_mb << 20);
    return r;
}

void python_environment(const struct sandbox *sandbox, char *ret_envp[PYTHON_ENVIRONMENT_MOST]) {
    char *const envp[] = {
        "PATH=/usr/local/bin:/usr/bin:/bin", "HOME=" SANDBOX_HOME, "TMPDIR=/tmp", "LANG=C.UTF-8",
        "USER=sandbox", "LOGNAME=sandbox", "MPLBACKEND=Agg", "MPLCONFIGDIR=" SANDBOX_HOME,
        /* a BLAS with threads reserves more than it gets here, and hangs */
        "OPENBLAS_NUM_THREADS=1", "OMP_NUM_THREADS=1", (char *)sandbox->output_limit, NULL};
    _Static_assert(sizeof(envp) / sizeof(envp[0]) <= PYTHON_ENVIRONMENT_MOST, "too many");
    memcpy(ret_envp, envp, sizeof(envp));
}

int python_exec(const struct sandbox *sandbox) {
    char *const argv[] = {
        (char *)sandbox->config->python, "-I", "-X", "utf8", "-B", HARNESS_COMPILED, NULL};
    char *envp[PYTHON_ENVIRONMENT_MOST];
    python_environment(sandbox, envp);
    execve(argv[0], argv, envp);
    return -errno;
}
