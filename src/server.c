/*
 * server: the role that faces clients. Puts loop, pool, queue and http together, gives up its
 * rights, takes new zygotes from the monitor, and ends in an orderly way. Decides nothing else.
 */
#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "config.h"
#include "control.h"
#include "http.h"
#include "log.h"
#include "loop.h"
#include "pool.h"
#include "privileges.h"
#include "queue.h"
#include "roles.h"
#include "urgency.h"

#define SECOND_US 1000000LL
#define LARGE_BYTES (128 << 10)
#define SETTLE_US (SECOND_US / 10)          /* for requests that are on their way already */
#define LAST_ANSWERS_US (3 * SECOND_US / 2) /* after the grace time: ends, and who reads slowly */

struct server {
    const struct config *config;
    struct loop *loop;
    struct pool *pool;
    struct queue *queue;
    struct http *http;
    struct loop_file monitor, signals;
    struct loop_timer grace_timer, settle_timer;
    struct tokens tokens; /* that open the service */
    pid_t monitor_pid;
    bool draining;
    bool told; /* to stop, by the monitor */
    int exit_status;
};

/* The monitor starts another zygote, and passes its channel. */
static void ask_for_zygote(void *context) {
    (void)context;
    if (send(ROLE_CHANNEL_FD, &(char){CONTROL_REPLACE}, 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        log_line(LOG_WARNING, "the monitor does not take a request for another zygote");
    else
        log_line(LOG_INFO, "the zygote is being replaced");
}

/* The channel's end follows. */
static void have_zygote_killed(void *context, bool replaced) {
    (void)context;
    char byte = replaced ? CONTROL_KILL_REPLACED : CONTROL_KILL;
    log_line(LOG_WARNING, "%s does not answer: it is killed",
             replaced ? "a zygote that was replaced" : "the zygote");
    (void)!send(ROLE_CHANNEL_FD, &byte, 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

/* ---- the end ---- */

static void on_all_answered(void *context) {
    struct server *server = context;
    if (!server->settle_timer.running)
        loop_stop(server->loop);
}

static void settled(void *context) {
    struct server *server = context;
    if (http_is_idle(server->http))
        loop_stop(server->loop);
}

static void last_answers_expired(void *context) {
    struct server *server = context;
    log_line(LOG_WARNING, "leaving with answers unread");
    loop_stop(server->loop);
}

static void grace_expired(void *context) {
    struct server *server = context;
    if (!http_is_idle(server->http))
        log_line(LOG_WARNING, "the grace time is over: running scripts are ended");
    queue_end(server->queue);
    http_drain_no_longer(server->http);
    loop_timer_start(server->loop, &server->grace_timer, LAST_ANSWERS_US, last_answers_expired,
                     server);
}

static void drain(struct server *server) {
    struct queue_state state = queue_state(server->queue);
    log_line(LOG_INFO, "draining: %u running, %u waiting", state.running, state.waiting);
    server->draining = true;
    queue_drain(server->queue);
    http_drain(server->http, on_all_answered, server);
    loop_timer_start(server->loop, &server->settle_timer, SETTLE_US, settled, server);
    loop_timer_start(server->loop, &server->grace_timer,
                     (int64_t)server->config->grace_s * SECOND_US, grace_expired, server);
}

/* Whoever stops a whole unit or process group signals the server itself, and the monitor passes the
 * same on: only the monitor's signals count. The other one still begins the end, since a signal
 * that comes while its like is pending is lost, be it the monitor's. signal(7), systemd.kill(5). */
static void on_signal(void *context, uint32_t events) {
    struct server *server = context;
    struct signalfd_siginfo info;
    (void)events;
    if (read(server->signals.fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
        return;
    bool from_monitor = info.ssi_pid == (uint32_t)server->monitor_pid;
    bool again = from_monitor && server->told;
    server->told = server->told || from_monitor;
    if (!server->draining)
        drain(server);
    if (!again)
        return;
    log_line(LOG_WARNING, "told to stop twice: leaving at once");
    server->exit_status = 1;
    loop_stop(server->loop);
}

/* ---- the monitor ---- */

static void take_tokens(struct server *server, struct control_message *message) {
    server->tokens = message->tokens;
    explicit_bzero(message, sizeof(*message));
}

static void on_monitor(void *context, uint32_t events) {
    struct server *server = context;
    struct control_message message;
    (void)events;
    int r = control_receive(ROLE_CHANNEL_FD, MSG_DONTWAIT, &message);
    if (r == -EAGAIN)
        return;
    if (r == 0 && message.type == CONTROL_TOKENS) {
        take_tokens(server, &message);
        return;
    }
    if (r == 0)
        r = pool_zygote_take(server->pool, message.channel);
    if (r == 0)
        return;
    log_line(LOG_ERROR, "the monitor is gone: %s", strerror(-r));
    server->exit_status = 1;
    loop_stop(server->loop);
}

/* ---- the start ---- */

static void raise_descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static int open_signals(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    signal(SIGPIPE, SIG_IGN);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return -errno;
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return fd < 0 ? -errno : fd;
}

/* The monitor's first message. Without it nobody may be let in. */
static int wait_for_tokens(struct server *server) {
    struct control_message message;
    int r = control_receive(ROLE_CHANNEL_FD, 0, &message);
    if (r == 0 && message.type != CONTROL_TOKENS)
        r = -EPROTO;
    if (r == 0)
        take_tokens(server, &message);
    return r;
}

/* http takes the listener. */
static int build(struct server *server, int listener, int signals) {
    const struct config *config = server->config;
    int r = loop_new(&server->loop);
    if (r == 0)
        r = pool_new(server->loop, config, &server->pool);
    if (r == 0)
        pool_on_renewal(server->pool, ask_for_zygote, NULL);
    if (r == 0)
        pool_on_hung(server->pool, have_zygote_killed, NULL);
    if (r == 0)
        r = queue_new(server->loop, server->pool, config, &server->queue);
    if (r < 0) {
        close(listener);
        return r;
    }
    r = http_new(server->loop, server->queue, config, &server->tokens, listener, &server->http);
    if (r == 0)
        r = loop_file_add(server->loop, &server->signals, signals, EPOLLIN, on_signal, server);
    if (r == 0)
        r = loop_file_add(server->loop, &server->monitor, ROLE_CHANNEL_FD, EPOLLIN, on_monitor,
                          server);
    return r;
}

static int refused(const char *what, int error) {
    fprintf(stderr, "code-runner: %s: %s\n", what, strerror(error));
    return ROLE_EXIT_REFUSED;
}

int server_main(const struct config *config) {
    struct server server = {.config = config, .monitor_pid = getppid()};
    char error[128];
    const char *step;
    int signals = open_signals();
    /* What a large request or answer took goes back to the system with it: by default the limit
     * rises with each such block, and the heap keeps what the largest ones needed. mallopt(3) */
    mallopt(M_MMAP_THRESHOLD, LARGE_BYTES);
    if (signals < 0)
        return refused("signals", -signals);
    raise_descriptor_limit();
    urgency_raise(); /* where the kernel cannot, it is served as everybody is */
    int r = wait_for_tokens(&server);
    if (r < 0)
        return refused("the monitor is gone", -r);
    int listener = http_listen(config, error, sizeof(error));
    if (listener < 0) {
        fprintf(stderr, "code-runner: %s\n", error);
        return ROLE_EXIT_REFUSED;
    }
    r = privileges_drop((uid_t)config->uid_base, &step);
    if (r < 0)
        return refused(step, -r);
    r = build(&server, listener, signals);
    if (r == 0) {
        log_line(LOG_INFO, "listening on %s port %" PRIu64 ", %" PRIu64 " slots", config->address,
                 config->port, config->slots);
        r = loop_run(server.loop);
    }
    if (r < 0) {
        log_line(LOG_ERROR, "the server cannot go on: %s", strerror(-r));
        server.exit_status = 1;
    }
    http_free(server.http);
    queue_free(server.queue);
    pool_free(server.pool);
    loop_free(server.loop);
    close(signals);
    log_line(LOG_INFO, "the server leaves");
    return server.exit_status;
}
