/*
 * zygote: prepares the sandbox once, then starts, kills and reaps workers as the server asks, until
 * the server is gone. Holds no client data. Its loop allocates nothing and uses no stdio: workers
 * are forks of this very memory.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "init.h"
#include "log.h"
#include "roles.h"
#include "sandbox.h"
#include "slot_watch.h"
#include "snapshot.h"
#include "zygote_channel.h"
#include "zygote_prepare.h"

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void report_ended(struct slot *slot) {
    struct zygote_event event = {.type = ZYGOTE_ENDED, .slot = slot->index, .run = slot->run};
    if (atomic_load(&slot->status_known)) {
        event.flags |= ENDED_STATUS_KNOWN;
        event.wait_status = slot->main_status;
    }
    slot_watch_look(slot);
    event.flags |= slot->ended_for;
    event.peak_memory_bytes = slot->peak_bytes;
    event.cpu_us = slot->cpu_us;
    event.scratch_limit_bytes = slot->scratch_limit;
    zygote_channel_send(ROLE_CHANNEL_FD, &event);
}

static uint64_t processor_us(const struct rusage *usage) {
    return (uint64_t)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * 1000000 +
           (uint64_t)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec);
}

/* An init is gone, and with it everything of its run but perhaps files. */
static void init_ended(struct slot *slot, int status, const struct rusage *usage) {
    if (!slot_stack_is_whole(slot)) {
        log_line(LOG_ERROR, "a worker's init has left its stack: this zygote ends");
        abort();
    }
    if (!slot->clearing)
        slot->cpu_us = processor_us(usage);
    pid_t next = 0;
    /* A keeper that was killed has not ended what it kept. */
    bool strays = WIFSIGNALED(status) && !slot->sandbox->plan.pid_namespace;
    if (strays && (slot->clearing || !slot->sandbox->plan.unique_uid))
        atomic_store(&slot->dirty, true);
    if (strays)
        (void)cgroup_slot_kill(&slot->cgroup);
    if (!slot->clearing && (strays || init_needs_clear(slot)))
        next = init_clear(slot);
    if (next < 0)
        atomic_store(&slot->dirty, true);
    slot->clearing = next > 0;
    slot->init = next > 0 ? next : 0;
    if (!slot->clearing)
        report_ended(slot);
}

static void reap(struct sandbox *sandbox) {
    struct rusage usage;
    int status;
    pid_t pid;
    while ((pid = wait4(-1, &status, WNOHANG | __WALL, &usage)) > 0)
        for (unsigned i = 0; i < sandbox->slot_count; i++)
            if (sandbox->slots[i].init == pid) {
                init_ended(&sandbox->slots[i], status, &usage);
                break;
            }
}

static void refuse(const struct zygote_command *command, enum sandbox_stage stage, int error) {
    struct zygote_event event = {.type = ZYGOTE_ENDED,
                                 .slot = command->slot,
                                 .run = command->run,
                                 .flags = ENDED_NOT_STARTED,
                                 .stage = stage,
                                 .error = error};
    zygote_channel_send(ROLE_CHANNEL_FD, &event);
}

static void spawn(struct sandbox *sandbox, const struct zygote_command *command,
                  const int fds[SPAWN_DESCRIPTORS]) {
    struct slot *slot = command->slot < sandbox->slot_count ? &sandbox->slots[command->slot] : NULL;
    int error = !slot ? ERANGE : slot->init ? EBUSY : slot->dirty ? ENOTEMPTY : 0;
    enum sandbox_stage stage = STAGE_SPAWN;
    if (!error) {
        stage = STAGE_CGROUP;
        error = -slot_limit_memory(slot, sandbox->config->memory_mb << 20);
    }
    if (!error) {
        stage = STAGE_SPAWN;
        slot->run = command->run;
        slot->ahead = command->flags & SPAWN_AHEAD;
        slot->ended_for = 0;
        slot->peak_bytes = 0;
        slot->channel = fds[0];
        slot->stdout_fd = fds[1];
        slot->stderr_fd = fds[2];
        pid_t init = init_start(slot);
        if (init < 0)
            error = -init;
        else
            slot->init = init;
    }
    if (error)
        refuse(command, stage, error);
    for (int i = 0; i < SPAWN_DESCRIPTORS; i++)
        close(fds[i]);
}

/* The slot that this run is on and alive; NULL: none. */
static struct slot *find_run(struct sandbox *sandbox, const struct zygote_command *command) {
    if (command->slot >= sandbox->slot_count)
        return NULL;
    struct slot *slot = &sandbox->slots[command->slot];
    return slot->init && !slot->clearing && slot->run == command->run ? slot : NULL;
}

static void limit_run(struct sandbox *sandbox, const struct zygote_command *command) {
    struct slot *slot = find_run(sandbox, command);
    if (!slot)
        return;
    const struct zygote_event event = {.type = ZYGOTE_LIMITED,
                                       .slot = slot->index,
                                       .run = slot->run,
                                       .error = -slot_limit_memory(slot, command->memory_bytes)};
    zygote_channel_send(ROLE_CHANNEL_FD, &event);
}

static void end_run(struct sandbox *sandbox, const struct zygote_command *command) {
    struct slot *slot = find_run(sandbox, command);
    if (!slot)
        return;
    bool all = cgroup_slot_kill(&slot->cgroup) == 0;
    init_kill(slot);
    slot_watch_look(slot);
    const struct zygote_event event = {.type = ZYGOTE_KILLED,
                                       .slot = slot->index,
                                       .run = slot->run,
                                       .flags = slot->ended_for,
                                       .peak_memory_bytes = slot->peak_bytes,
                                       .scratch_limit_bytes = slot->scratch_limit};
    if (all)
        zygote_channel_send(ROLE_CHANNEL_FD, &event);
}

/* 0 while the server is there. */
static int take_commands(struct sandbox *sandbox) {
    struct zygote_command command;
    int fds[SPAWN_DESCRIPTORS], r;
    while ((r = zygote_channel_take(ROLE_CHANNEL_FD, &command, fds)) == 1)
        if (command.type == ZYGOTE_SPAWN)
            spawn(sandbox, &command, fds);
        else if (command.type == ZYGOTE_KILL)
            end_run(sandbox, &command);
        else if (command.type == ZYGOTE_LIMIT)
            limit_run(sandbox, &command);
        else if (command.type == ZYGOTE_PING)
            zygote_channel_send(ROLE_CHANNEL_FD, &(struct zygote_event){.type = ZYGOTE_PONG});
    return r;
}

static bool any_busy(const struct sandbox *sandbox) {
    for (unsigned i = 0; i < sandbox->slot_count; i++)
        if (sandbox->slots[i].init)
            return true;
    return false;
}

static void serve(struct sandbox *sandbox, int signals) {
    struct pollfd wait[] = {{.fd = ROLE_CHANNEL_FD, .events = POLLIN},
                            {.fd = signals, .events = POLLIN}};
    struct signalfd_siginfo info;
    const int first_ms = slot_watch_first_ms(sandbox);
    int pause_ms = first_ms;
    int64_t look_ms = 0;
    for (;;) {
        int ready = poll(wait, 2, any_busy(sandbox) ? pause_ms : -1);
        if (ready < 0 && errno != EINTR)
            return;
        if (first_ms > 0 && now_ms() >= look_ms) {
            pause_ms = slot_watch(sandbox, pause_ms);
            look_ms = now_ms() + pause_ms;
        }
        /* A command may mean that a script has got its worker. */
        if (wait[0].revents && pause_ms > first_ms) {
            pause_ms = first_ms;
            look_ms = now_ms() + pause_ms;
        }
        if (wait[1].revents && read(signals, &info, sizeof(info)) > 0)
            reap(sandbox);
        if (wait[0].revents && take_commands(sandbox) < 0)
            return;
    }
}

static bool server_is_gone(void) {
    struct pollfd server = {.fd = ROLE_CHANNEL_FD};
    return poll(&server, 1, 0) == 1 && (server.revents & POLLHUP);
}

/* Without the server nobody waits for an answer. */
static void end_all(struct sandbox *sandbox) {
    for (unsigned i = 0; i < sandbox->slot_count; i++)
        if (sandbox->slots[i].init)
            init_kill(&sandbox->slots[i]);
    while (waitpid(-1, NULL, __WALL) > 0)
        ;
    sandbox_remove(sandbox);
}

static int open_signals(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void send_up(struct sandbox *sandbox) {
    const struct plan *plan = &sandbox->plan;
    const struct hot_pages *library = &sandbox->library_pages;
    long private_kb = snapshot_anonymous_kb(sandbox->proc_self_fd);
    const struct zygote_event up = {
        .type = ZYGOTE_UP,
        .report = {.layers = plan_layers(plan),
                   .landlock_abi = (uint32_t)plan->landlock_abi,
                   .cgroup_version = (uint32_t)plan->cgroup_version,
                   .snapshot = sandbox->has_snapshot,
                   .library_bytes = library->pages * library->page_bytes,
                   .private_bytes = private_kb > 0 ? (uint64_t)private_kb << 10 : 0}};
    zygote_channel_send(ROLE_CHANNEL_FD, &up);
}

int zygote_main(const struct config *config) {
    static struct sandbox sandbox; /* large, and shared with every init */
    char error[256];
    int64_t began_ms = now_ms();
    int r = zygote_prepare(&sandbox, config, error, sizeof(error));
    if (r < 0) {
        bool is_news = !server_is_gone();
        if (is_news)
            fprintf(stderr, "code-runner: %s\n", error);
        sandbox_remove(&sandbox);
        return is_news ? ROLE_EXIT_REFUSED : 0;
    }
    if (config->generation == 1)
        zygote_log_layers(&sandbox.plan);
    log_line(LOG_INFO, "ready for scripts after %lld ms", (long long)(now_ms() - began_ms));
    int signals = open_signals();
    send_up(&sandbox);
    if (signals >= 0)
        serve(&sandbox, signals);
    end_all(&sandbox);
    return 0;
}
