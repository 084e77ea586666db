/* zygote_prepare: the sandbox, the snapshot, one worker to see that it works; and --check, which
 * does the same and leaves. */
#include "zygote_prepare.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dormant.h"
#include "identity.h"
#include "keeper.h"
#include "log.h"
#include "probe.h"
#include "python_serve.h"
#include "python_warm.h"
#include "read_pages.h"
#include "roles.h"
#include "sandbox.h"
#include "snapshot.h"
#include "urgency.h"
#include "worker.h"
#include "yield.h"

/* Signals to end are the monitor's business, which ends the server, and that ends this. The others
 * are taken by descriptor, or meant for the inits that inherit this. */
static void block_signals(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, KEEPER_END_SIGNAL);
    sigprocmask(SIG_BLOCK, &set, NULL);
}

/* What the kernel counts for a fork that does nothing, kB; negative if that cannot be found out. It
 * may be less than for this process: gVisor leaves files' pages out. */
static long forked_resident_kb(const struct sandbox *sandbox) {
    char name[16];
    pid_t pid = fork();
    if (pid < 0)
        return -errno;
    if (pid == 0)
        for (;;)
            pause();
    snprintf(name, sizeof(name), "%d", (int)pid);
    int fd = openat(sandbox->proc_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    long kb = fd < 0 ? -errno : snapshot_resident_kb(fd);
    if (fd >= 0)
        close(fd);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return kb;
}

/* Code that is copied spares a mapping or two for each library and is memory of the service. There
 * are many small libraries: 71 MB of copies spare 300 mappings, 6 MB 100. The few that are larger
 * would double that for a dozen more; of them only the interpreter and the core of numpy (11 MB)
 * are read by nearly all scripts, in large pages for next to nothing. */
#define CODE_BYTES_MOST (2 << 20)
#define CODE_BYTES_TIGHT (128 << 10)
#define CODE_ROOM_MB 192 /* also for the next zygote's */

/* Of scripts with libraries. One waiting worker has them, and all together shall not have more than
 * 4 MB each. */
#define LIBRARY_BYTES_MOST (12 << 20)
#define LIBRARY_BYTES_EACH (3 << 20)

static size_t library_pages_most(const struct config *config) {
    const uint64_t all = config->pool * LIBRARY_BYTES_EACH;
    return (size_t)(all < LIBRARY_BYTES_MOST ? all : LIBRARY_BYTES_MOST) / (size_t)getpagesize();
}

/* It is the fast path that takes FRAME_IDLE. And the watchdog would count these pages for each
 * process that a script forks, since the kernel does: sixteen would be 200 MB. */
static bool can_have_library_pages(const struct sandbox *sandbox) {
    return sandbox->plan.cgroup_version > 0 && sandbox->config->pool > 0 &&
           python_serve_is_prepared();
}

/* A library's data, which a script that does not use it should not wake. */
static bool may_sleep(unsigned long start, unsigned long end) {
    const struct dormant_part *part = dormant_after(start);
    while (part && part->start < end && part->kind != DORMANT_DATA)
        part = dormant_after(part->end);
    return part && part->start < end;
}

/* Which pages of the image scripts write and read. */
static int find_pages(struct sandbox *sandbox, bool has_room) {
    size_t shared = 0;
    struct hot_pages *hot = &sandbox->hot_pages, *of_libraries = &sandbox->library_pages;
    int r = hot_pages_find(sandbox->proc_fd, python_warm_rehearse_serving, NULL, hot);
    /* What every worker would wake. */
    for (size_t i = 0; r == 0 && i < hot->count; i++)
        dormant_wake(hot->ranges[i].start, hot->ranges[i].start + hot->ranges[i].size);
    if (r == 0)
        r = read_pages_share(sandbox->proc_fd, python_warm_rehearse_serving, NULL, &shared);
    if (r == 0 && has_room && can_have_library_pages(sandbox)) {
        r = hot_pages_find(sandbox->proc_fd, python_warm_exercise, NULL, of_libraries);
        hot_pages_reduce(of_libraries, may_sleep, library_pages_most(sandbox->config));
    }
    if (r == 0)
        log_line(LOG_INFO, "%zu hot pages in %zu ranges, %zu pages read, %zu of libraries",
                 hot->pages, hot->count, shared, of_libraries->pages);
    return r;
}

/* Makes the loaded interpreter cheap to fork; without it everything works, slower. */
static void take_snapshot(struct sandbox *sandbox, bool has_room) {
    struct snapshot_report report;
    if (sandbox->config->start != START_WARM)
        return;
    long before_kb = snapshot_anonymous_kb(sandbox->proc_self_fd);
    sandbox->rss_only = before_kb < 0;
    if (sandbox->rss_only)
        before_kb = forked_resident_kb(sandbox);
    sandbox->image_bytes = before_kb > 0 ? (uint64_t)before_kb << 10 : 0;
    if (sandbox->config->snapshot != SNAPSHOT_AUTO)
        return;
    size_t sleepers = dormant_begin(has_room ? CODE_BYTES_MOST : CODE_BYTES_TIGHT);
    int r = snapshot_take(sandbox->proc_self_fd, &report);
    if (r < 0) {
        dormant_forget();
        log_line(LOG_WARNING, "no snapshot of the interpreter: %s", strerror(-r));
    } else {
        log_line(LOG_INFO,
                 "snapshot: %zu MB (%zu MB in large pages) in %zu mappings, %zu libraries asleep, "
                 "private memory %ld kB -> %ld kB",
                 report.copied_bytes >> 20, report.large_bytes >> 20, report.ranges, sleepers,
                 before_kb, snapshot_anonymous_kb(sandbox->proc_self_fd));
    }
    sandbox->has_snapshot = r == 0;
    if (r == 0)
        sandbox->image_bytes = 0; /* it is shared memory now, which the watchdog does not count */
    if (r == 0 && find_pages(sandbox, has_room) < 0)
        log_line(LOG_WARNING, "the pages that scripts use were not found: they start slower");
}

/* The zygote's part of the policy. Nothing that this process or a fork of it does from here on
 * needs rights by exec. Its program stays where it is: to write to memory that is forked is dearer
 * than to have it. */
static int enter_filter(const struct sandbox *sandbox) {
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return -errno;
    return seccomp_program_load(&sandbox->zygote_filter);
}

/* The kernel shares processors among sessions first, where nothing else groups processes: one for
 * the server, one for what is forked here. setsid(2); sched(7), autogroup. A leader of a process
 * group has to stay where it is: --check in a shell. That workers come back from this is tried with
 * the first one. */
static bool enter_order(void) {
    setsid();
    return urgency_lower() == 0;
}

int zygote_prepare(struct sandbox *sandbox, const struct config *config, char *error,
                   size_t error_size) {
    prctl(PR_SET_DUMPABLE, 0);
    block_signals();
    /* Asked where there is a /sys yet. */
    const bool has_room = config_has_room(config, CODE_ROOM_MB);
    int r = sandbox_prepare(sandbox, config, error, error_size);
    if (r == 0) {
        /* Only its owner reads the pages of a process, and an undumpable one belongs to root.
         * Scripts of this uid that may run already are kept away by their Landlock rules. */
        prctl(PR_SET_DUMPABLE, geteuid() != 0);
        take_snapshot(sandbox, has_room);
        prctl(PR_SET_DUMPABLE, 0);
        /* Workers find it empty: each would have to drop forty capabilities, one by one. */
        if (sandbox->plan.bounding_set && (r = identity_empty_bounding_set()) < 0)
            snprintf(error, error_size, "cannot empty the bounding set: %s", strerror(-r));
    }
    if (r == 0 && (r = yield_end()) < 0)
        snprintf(error, error_size, "cannot become important again: %s", strerror(-r));
    sandbox->is_patient = enter_order();
    if (r == 0 && (r = enter_filter(sandbox)) < 0)
        snprintf(error, error_size, "cannot enter the system call filter: %s", strerror(-r));
    return r < 0 ? r : probe_worker(sandbox, error, error_size);
}

void zygote_log_layers(const struct plan *plan) {
    const uint32_t layers = plan_layers(plan);
    char words[2][LAYER_COUNT * (LAYER_NAME_SIZE + 2)] = {"", ""}, name[LAYER_NAME_SIZE];
    for (unsigned layer = 0; layer < LAYER_COUNT; layer++) {
        const bool holds = layers & (UINT32_C(1) << layer);
        char *list = words[holds];
        if (!holds && layer >= LAYER_WATCHDOG) /* what stands for another is not missing */
            continue;
        layer_name(layer, name, sizeof(name));
        snprintf(list + strlen(list), sizeof(words[0]) - strlen(list), "%s%s", *list ? ", " : "",
                 name);
    }
    log_line(LOG_INFO, "layers of the sandbox: %s; not here: %s", words[1],
             *words[0] ? words[0] : "none");
}

int check_main(const struct config *config) {
    static struct sandbox sandbox;
    char error[256];
    /* As in a zygote, whose channel it is: what is opened has numbers above a worker's own. */
    while (fcntl(WORKER_CHANNEL_FD, F_GETFD) < 0)
        if (open("/dev/null", O_RDWR) < 0)
            return 1;
    int r = zygote_prepare(&sandbox, config, error, sizeof(error));
    plan_print(&sandbox.plan, stdout);
    if (r < 0)
        printf("It would not start: %s\n", error);
    else
        printf("A worker starts (%s), and all that must hold everywhere holds.\n",
               config->start == START_WARM ? "warm" : "cold");
    sandbox_remove(&sandbox);
    return r < 0;
}
