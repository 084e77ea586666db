/* slot_watch: which limit is looked at how. */
#include "slot_watch.h"

#include <time.h>

#include "init.h"
#include "sandbox.h"
#include "watchdog.h"
#include "worker.h"

#define CGROUP_LOOK_MS 200
#define WATCHDOG_LOOK_MS 20
#define WATCHDOG_IDLE_MS 320
#define FILES_LOOK_MS                                                                              \
    200 /* counting them takes longer; where there is little room, at each look                    \
         */
#define MOST_SLOTS 1024

void slot_watch_look(struct slot *slot) {
    struct cgroup_usage usage;
    if (cgroup_slot_usage(&slot->cgroup, &usage) < 0)
        return;
    if (usage.out_of_memory)
        slot->ended_for |= ENDED_OUT_OF_MEMORY;
    if (usage.peak_bytes > slot->peak_bytes)
        slot->peak_bytes = usage.peak_bytes;
}

int slot_watch_first_ms(const struct sandbox *sandbox) {
    /* Version 2 has memory.oom.group for the kernel to do it. */
    return sandbox->plan.cgroup_version == 0   ? WATCHDOG_LOOK_MS
           : sandbox->plan.cgroup_version == 1 ? CGROUP_LOOK_MS
           : sandbox->plan.private_root        ? -1
                                               : CGROUP_LOOK_MS;
}

/* A worker has a copy of all that its interpreter had (without a snapshot: in private memory). How
 * much of it is still shared cannot be seen: it is taken off once for the whole run, so that no
 * child brings room of its own. True if the run's memory has changed. */
static bool weigh(struct slot *slot, const struct watched *watched) {
    const struct config *config = slot->sandbox->config;
    const uint64_t image = slot->sandbox->rss_only ? 0 : slot->sandbox->image_bytes;
    const uint64_t bytes = watched->memory_bytes > image ? watched->memory_bytes - image : 0;
    const bool moved = bytes != slot->watched_bytes;
    slot->watched_bytes = bytes;
    if (bytes > slot->peak_bytes)
        slot->peak_bytes = bytes;
    if (bytes > slot->memory_bytes)
        slot->ended_for |= ENDED_OUT_OF_MEMORY;
    if (watched->tasks > config->processes)
        slot->ended_for |= ENDED_PROCESSES;
    return moved;
}

static bool weigh_all(struct sandbox *sandbox) {
    static struct watched watched[MOST_SLOTS];
    unsigned count = sandbox->slot_count < MOST_SLOTS ? sandbox->slot_count : MOST_SLOTS;
    for (unsigned i = 0; i < count; i++) {
        const struct slot *slot = &sandbox->slots[i];
        watched[i] = (struct watched){.init = slot->clearing ? 0 : slot->init,
                                      .image_bytes = sandbox->image_bytes};
    }
    /* What cannot be counted is not let run on. */
    bool moved = false;
    int r = watchdog_look(sandbox->proc_fd, watched, count);
    for (unsigned i = 0; i < count; i++)
        if (r < 0 && watched[i].init)
            sandbox->slots[i].ended_for |= ENDED_PROCESSES;
        else if (watched[i].init)
            moved |= weigh(&sandbox->slots[i], &watched[i]);
    return moved;
}

static void weigh_files(struct slot *slot) {
    slot->scratch_limit = slot->sandbox->config->scratch_mb << 20;
    if (places_over(slot, &slot->scratch_limit) != 0)
        slot->ended_for |= ENDED_SCRATCH;
}

static bool watch_all(struct sandbox *sandbox) {
    static int64_t files_us;
    const int64_t now_us = worker_now_us();
    const bool files =
        !sandbox->plan.private_root &&
        (sandbox->places.small || now_us - files_us >= (int64_t)FILES_LOOK_MS * 1000);
    if (files)
        files_us = now_us;
    bool moved = sandbox->plan.cgroup_version == 0 && weigh_all(sandbox);
    for (unsigned i = 0; i < sandbox->slot_count; i++) {
        struct slot *slot = &sandbox->slots[i];
        if (!slot->init || slot->clearing)
            continue;
        slot_watch_look(slot);
        if (files)
            weigh_files(slot);
        if (slot->ended_for)
            init_kill(slot);
    }
    return moved;
}

static int64_t processor_now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

int slot_watch(struct sandbox *sandbox, int waited_ms) {
    const int64_t began_us = processor_now_us();
    const bool moved = watch_all(sandbox);
    /* Where there are many processes a look takes long: never more than a tenth of a processor.
     * (Not of the time: who makes the machine slow would be looked at less.) */
    const int least_ms = (int)((processor_now_us() - began_us) / 100);
    if (sandbox->plan.cgroup_version > 0)
        return CGROUP_LOOK_MS;
    int next_ms = moved ? WATCHDOG_LOOK_MS : 2 * waited_ms;
    next_ms = next_ms < least_ms ? least_ms : next_ms;
    return next_ms < WATCHDOG_IDLE_MS ? next_ms : WATCHDOG_IDLE_MS;
}
