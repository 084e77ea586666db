/*
 * monitor: what the operator starts. Starts zygote and server with one channel between them, starts
 * either again with back-off, reaps what they leave, passes SIGTERM on, leaves last. Sees no client
 * data, prepares no sandbox.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "control.h"
#include "log.h"
#include "roles.h"
#include "tokens.h"
#include "zygotes.h"

#define HURRIED_MS 1000 /* to leave, when told to stop twice */

struct monitor {
    struct config config; /* its generation counts */
    const char *program, *token_file;
    struct tokens tokens;
    struct child server;
    struct zygotes zygotes;
    int control; /* to the server; -1 while there is none */
    int signals; /* signalfd */
    bool stopping;
    bool hurried;     /* told to stop more than once */
    bool replace_due; /* the server has asked for another zygote, and there was no place yet */
    int exit_status;
};

extern char **environ;

static int open_signals(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGCHLD);
    /* Without a file there is nothing to read, but whoever sends it does not want an end. */
    sigaddset(&set, SIGHUP);
    signal(SIGHUP, SIG_DFL); /* under nohup(1) it would be lost */
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return -errno;
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

static int start_server(struct monitor *monitor) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return -errno;
    int r = child_start(&monitor->server, &monitor->config, monitor->program, environ, pair[1]);
    close(pair[1]);
    /* It waits for this before it listens. */
    if (r == 0)
        r = control_send_tokens(pair[0], &monitor->tokens);
    if (r < 0) {
        close(pair[0]);
        return r;
    }
    monitor->control = pair[0];
    return 0;
}

/* Another zygote beside the present one. */
static void replace_zygote(struct monitor *monitor) {
    monitor->replace_due = !zygotes_replace(&monitor->zygotes) && monitor->zygotes.newest.pid;
    if (!monitor->zygotes.newest.pid && zygotes_start(&monitor->zygotes, monitor->control) < 0)
        child_ended(&monitor->zygotes.newest);
}

/* The server asks for another zygote: while the present one still works for it, or because that
 * hangs. Then the other one starts when it is reaped. */
static void take_request(struct monitor *monitor) {
    char byte;
    if (recv(monitor->control, &byte, 1, MSG_DONTWAIT) != 1 || monitor->stopping)
        return;
    /* Where the present one has not been replaced yet, for want of a place, it may be the one. */
    if (byte == CONTROL_KILL_REPLACED)
        zygotes_kill_replaced(&monitor->zygotes);
    if (byte == CONTROL_KILL || (byte == CONTROL_KILL_REPLACED && monitor->replace_due))
        child_kill(&monitor->zygotes.newest);
    if (byte == CONTROL_REPLACE && monitor->zygotes.newest.pid)
        replace_zygote(monitor);
}

static void start_what_is_due(struct monitor *monitor) {
    int64_t now = child_now_ms();
    if (monitor->stopping)
        return;
    if (!monitor->server.pid && monitor->server.due_ms <= now && start_server(monitor) < 0)
        child_ended(&monitor->server);
    struct child *zygote = &monitor->zygotes.newest;
    if (monitor->server.pid && monitor->replace_due)
        replace_zygote(monitor);
    if (monitor->server.pid && !zygote->pid && zygote->due_ms <= now &&
        zygotes_start(&monitor->zygotes, monitor->control) < 0)
        child_ended(zygote);
}

static void say_ended(const char *name, int status) {
    if (WIFSIGNALED(status))
        log_line(LOG_ERROR, "the %s was ended by signal %d", name, WTERMSIG(status));
    else
        log_line(LOG_ERROR, "the %s ended with status %d", name, WEXITSTATUS(status));
}

/* Its zygotes read end of file, if they do not hang, and leave. */
static void server_ended(struct monitor *monitor, int status) {
    child_ended(&monitor->server);
    close(monitor->control);
    monitor->control = -1;
    monitor->replace_due = false;
    zygotes_end_by(&monitor->zygotes,
                   child_now_ms() + (monitor->hurried ? HURRIED_MS : ZYGOTES_LEAVING_MS));
    if (monitor->stopping) {
        monitor->exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
        return;
    }
    say_ended("server", status);
    if (WIFEXITED(status) && WEXITSTATUS(status) == ROLE_EXIT_REFUSED) {
        monitor->stopping = true;
        monitor->exit_status = 1;
    }
}

static void zygote_ended(struct monitor *monitor, int status) {
    monitor->replace_due = false;
    if (monitor->stopping)
        return;
    /* Only the first one says what this machine can do; a later one has met with an accident. */
    if (WIFEXITED(status) && WEXITSTATUS(status) == ROLE_EXIT_REFUSED &&
        monitor->config.generation == 1) {
        monitor->stopping = true;
        monitor->exit_status = 1;
        if (monitor->server.pid)
            kill(monitor->server.pid, SIGKILL);
    }
    /* It leaves with status 0 when the server is gone: no news. */
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        say_ended("zygote", status);
}

static void reap(struct monitor *monitor) {
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid == monitor->server.pid)
            server_ended(monitor, status);
        else if (zygotes_ended(&monitor->zygotes, pid) == 1)
            zygote_ended(monitor, status);
    }
}

/* Told again, whatever still hangs is not waited for. */
static void pass_stop_on(struct monitor *monitor, int signal_number) {
    const int64_t now = child_now_ms();
    monitor->hurried = monitor->stopping;
    monitor->stopping = true;
    if (monitor->server.pid)
        kill(monitor->server.pid, signal_number);
    if (!monitor->hurried)
        return;
    child_end_by(&monitor->server, now + HURRIED_MS);
    if (!monitor->server.pid)
        zygotes_end_by(&monitor->zygotes, now);
}

/* The file of tokens has changed. A bad one changes nothing. */
static void reload_tokens(struct monitor *monitor) {
    struct tokens tokens;
    bool exposed;
    char error[256];
    if (!*monitor->token_file) {
        log_line(LOG_INFO, "SIGHUP: there is no --token-file to read again");
        return;
    }
    if (tokens_load(monitor->token_file, &tokens, &exposed, error, sizeof(error)) < 0) {
        log_line(LOG_ERROR, "%s; the tokens from before stay", error);
        return;
    }
    monitor->tokens = tokens;
    explicit_bzero(&tokens, sizeof(tokens));
    int r = monitor->control < 0 ? 0 : control_send_tokens(monitor->control, &monitor->tokens);
    log_line(r < 0 ? LOG_ERROR : LOG_INFO, "--token-file: %s",
             r < 0 ? "the server did not take it, try again" : "read again");
}

static void take_signals(struct monitor *monitor) {
    struct signalfd_siginfo info;
    while (read(monitor->signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
        if (info.ssi_signo == SIGCHLD)
            reap(monitor);
        else if (info.ssi_signo == SIGHUP)
            reload_tokens(monitor);
        else
            pass_stop_on(monitor, (int)info.ssi_signo);
}

/* Until the next start or kill that is due; -1: for ever. */
static int wait_ms(const struct monitor *monitor, int64_t kill_ms) {
    const struct child *next = !monitor->server.pid           ? &monitor->server
                               : !monitor->zygotes.newest.pid ? &monitor->zygotes.newest
                                                              : NULL;
    int64_t due = kill_ms, now = child_now_ms();
    if (!monitor->stopping && next && next->due_ms < due)
        due = next->due_ms;
    return due == INT64_MAX ? -1 : due <= now ? 0 : (int)(due - now);
}

static int64_t kill_what_is_due(struct monitor *monitor) {
    int64_t server_ms = child_kill_due(&monitor->server);
    int64_t zygote_ms = zygotes_kill_due(&monitor->zygotes);
    return server_ms < zygote_ms ? server_ms : zygote_ms;
}

/* A slot takes some descriptors of the zygote, a connection one of the server: as many as may
 * be had. */
static void raise_descriptors(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

int monitor_main(const struct config *config, const char *program, const char *token_file,
                 const struct tokens *tokens) {
    struct monitor monitor = {.config = *config,
                              .program = program,
                              .zygotes = {.program = program, .newest.role = ROLE_ZYGOTE},
                              .token_file = token_file,
                              .tokens = *tokens,
                              .server.role = ROLE_SERVER,
                              .control = -1};
    monitor.zygotes.config = &monitor.config;
    /* Where scripts have this uid too, they can still not look at this process. */
    prctl(PR_SET_DUMPABLE, 0);
    raise_descriptors();
    monitor.signals = open_signals();
    /* Old gVisor gives no orphans to an ancestor: there they are the first process's. */
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    if (monitor.signals < 0) {
        fprintf(stderr, "code-runner: cannot watch its processes\n");
        return 1;
    }
    while (!monitor.stopping || monitor.server.pid || zygotes_any(&monitor.zygotes)) {
        start_what_is_due(&monitor);
        int64_t kill_ms = kill_what_is_due(&monitor);
        struct pollfd wait[] = {{.fd = monitor.signals, .events = POLLIN},
                                {.fd = monitor.control, .events = POLLIN}};
        if (poll(wait, 2, wait_ms(&monitor, kill_ms)) <= 0)
            continue;
        if (wait[1].revents & POLLIN)
            take_request(&monitor);
        if (wait[0].revents)
            take_signals(&monitor);
    }
    return monitor.exit_status;
}
