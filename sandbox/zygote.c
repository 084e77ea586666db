/*
 * zygote: prepares the sandbox once, then starts, kills and reaps workers as the server asks, until
 * the server is gone. Holds no client data. Its loop allocates nothing and uses no stdio: workers
 * are forks of this very memory.
 */
#include <errno.h>
#include <linux/magic.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "init.h"
#include "probe.h"
#include "python_warm.h"
#include "roles.h"
#include "sandbox.h"
#include "snapshot.h"
#include "zygote_channel.h"

#define OOM_LOOK_MS 200

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Adds what happened in the slot's cgroup since the last look to what is known of its run. */
static void look_at_slot(struct slot *slot) {
    struct cgroup_usage usage;
    if (cgroup_slot_usage(&slot->cgroup, &usage) < 0)
        return;
    slot->out_of_memory |= usage.out_of_memory;
    if (usage.peak_bytes > slot->peak_bytes)
        slot->peak_bytes = usage.peak_bytes;
}

static void report_ended(struct slot *slot, const struct rusage *usage) {
    struct zygote_event event = {.type = ZYGOTE_ENDED, .slot = slot->index, .run = slot->run};
    if (atomic_load(&slot->status_known)) {
        event.flags |= ENDED_STATUS_KNOWN;
        event.wait_status = slot->main_status;
    }
    look_at_slot(slot);
    if (slot->out_of_memory)
        event.flags |= ENDED_OUT_OF_MEMORY;
    event.peak_memory_bytes = slot->peak_bytes;
    event.cpu_us = (uint64_t)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) * 1000000 +
                   (uint64_t)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec);
    zygote_channel_send(ROLE_CHANNEL_FD, &event);
}

/* An init is gone, and with it everything of its namespace. */
static void reap(struct sandbox *sandbox) {
    struct rusage usage;
    int status;
    pid_t pid;
    while ((pid = wait4(-1, &status, WNOHANG | __WALL, &usage)) > 0)
        for (unsigned i = 0; i < sandbox->slot_count; i++)
            if (sandbox->slots[i].init == pid) {
                sandbox->slots[i].init = 0;
                report_ended(&sandbox->slots[i], &usage);
            }
}

static void refuse(const struct zygote_command *command, int error) {
    struct zygote_event event = {.type = ZYGOTE_ENDED,
                                 .slot = command->slot,
                                 .run = command->run,
                                 .flags = ENDED_NOT_STARTED,
                                 .stage = STAGE_SPAWN,
                                 .error = error};
    zygote_channel_send(ROLE_CHANNEL_FD, &event);
}

/* Only a pipe is given to the slot's uid: the server must not get the owner of a file changed by
 * way of its descriptor. */
static bool is_pipe(int fd) {
    struct stat status;
    struct statfs system;
    return fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode) && fstatfs(fd, &system) == 0 &&
           system.f_type == PIPEFS_MAGIC;
}

static void spawn(struct sandbox *sandbox, const struct zygote_command *command,
                  const int fds[SPAWN_DESCRIPTORS]) {
    struct slot *slot = command->slot < sandbox->slot_count ? &sandbox->slots[command->slot] : NULL;
    int error = slot ? slot->init ? EBUSY : 0 : ERANGE;
    if (!error && (!is_pipe(fds[1]) || !is_pipe(fds[2])))
        error = EBADF;
    /* The pipes must belong to the script's uid, or it could not open /dev/stdout. */
    if (!error &&
        (fchown(fds[1], slot->uid, slot->uid) < 0 || fchown(fds[2], slot->uid, slot->uid) < 0))
        error = errno;
    if (!error) {
        slot->run = command->run;
        slot->ahead = command->flags & SPAWN_AHEAD;
        slot->out_of_memory = false;
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
        refuse(command, error);
    for (int i = 0; i < SPAWN_DESCRIPTORS; i++)
        close(fds[i]);
}

static void end_run(struct sandbox *sandbox, const struct zygote_command *command) {
    if (command->slot >= sandbox->slot_count)
        return;
    struct slot *slot = &sandbox->slots[command->slot];
    if (!slot->init || slot->run != command->run)
        return;
    bool all = cgroup_slot_kill(&slot->cgroup) == 0;
    kill(slot->init, SIGKILL);
    look_at_slot(slot);
    const struct zygote_event event = {.type = ZYGOTE_KILLED,
                                       .slot = slot->index,
                                       .run = slot->run,
                                       .flags = slot->out_of_memory ? ENDED_OUT_OF_MEMORY : 0,
                                       .peak_memory_bytes = slot->peak_bytes};
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
    return r;
}

/* A run that lost one of its processes to its limit is over, though the others may not know it.
 * Version 2 has memory.oom.group for that; version 1 is asked now and then. */
static void end_out_of_memory(struct sandbox *sandbox) {
    for (unsigned i = 0; i < sandbox->slot_count; i++) {
        struct slot *slot = &sandbox->slots[i];
        if (!slot->init)
            continue;
        look_at_slot(slot);
        if (slot->out_of_memory)
            kill(slot->init, SIGKILL);
    }
}

static void serve(struct sandbox *sandbox, int signals) {
    struct pollfd wait[] = {{.fd = ROLE_CHANNEL_FD, .events = POLLIN},
                            {.fd = signals, .events = POLLIN}};
    struct signalfd_siginfo info;
    int64_t look_ms = 0;
    const int timeout_ms = sandbox->cgroups.version == 1 ? OOM_LOOK_MS : -1;
    for (;;) {
        int ready = poll(wait, 2, timeout_ms);
        if (ready < 0 && errno != EINTR)
            return;
        if (timeout_ms > 0 && now_ms() >= look_ms) {
            end_out_of_memory(sandbox);
            look_ms = now_ms() + OOM_LOOK_MS;
        }
        if (wait[1].revents && read(signals, &info, sizeof(info)) > 0)
            reap(sandbox);
        if (wait[0].revents && take_commands(sandbox) < 0)
            return;
    }
}

/* Without the server nobody waits for an answer. */
static void end_all(struct sandbox *sandbox) {
    for (unsigned i = 0; i < sandbox->slot_count; i++)
        if (sandbox->slots[i].init)
            kill(sandbox->slots[i].init, SIGKILL);
    while (waitpid(-1, NULL, __WALL) > 0)
        ;
    sandbox_remove(sandbox);
}

/* SIGCHLD by descriptor; signals to end are the monitor's business, which ends the server, and that
 * ends this. */
static int open_signals(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Makes the loaded interpreter cheap to fork; without it everything works, slower. */
static void take_snapshot(struct sandbox *sandbox) {
    struct snapshot_report report;
    if (sandbox->config->start != START_WARM || sandbox->config->snapshot != SNAPSHOT_AUTO)
        return;
    long before_kb = snapshot_anonymous_kb(sandbox->proc_self_fd);
    int r = snapshot_take(sandbox->proc_self_fd, &report);
    if (r < 0)
        fprintf(stderr, "code-runner: no snapshot of the interpreter: %s\n", strerror(-r));
    else
        fprintf(stderr,
                "code-runner: snapshot: %zu MB in %zu mappings, private memory %ld kB -> %ld kB\n",
                report.copied_bytes >> 20, report.ranges, before_kb,
                snapshot_anonymous_kb(sandbox->proc_self_fd));
    if (r == 0)
        r = hot_pages_find(sandbox->proc_fd, python_warm_rehearse, NULL, &sandbox->hot_pages);
    if (r == 0)
        fprintf(stderr, "code-runner: %zu hot pages in %zu ranges\n", sandbox->hot_pages.pages,
                sandbox->hot_pages.count);
}

int zygote_main(const struct config *config) {
    static struct sandbox sandbox; /* large, and shared with every init */
    char error[256];
    int64_t began_ms = now_ms();
    prctl(PR_SET_DUMPABLE, 0);
    int r = sandbox_prepare(&sandbox, config, error, sizeof(error));
    if (r == 0) {
        take_snapshot(&sandbox);
        r = probe_worker(&sandbox, error, sizeof(error));
    }
    if (r < 0) {
        fprintf(stderr, "code-runner: %s\n", error);
        sandbox_remove(&sandbox);
        return ROLE_EXIT_REFUSED;
    }
    fprintf(stderr, "code-runner: ready for scripts after %lld ms\n",
            (long long)(now_ms() - began_ms));
    int signals = open_signals();
    const struct zygote_event up = {.type = ZYGOTE_UP};
    if (signals >= 0 && zygote_channel_send(ROLE_CHANNEL_FD, &up) == 0)
        serve(&sandbox, signals);
    end_all(&sandbox);
    return 0;
}
