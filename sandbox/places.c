/* places: where things lie in a shared root, and what is swept there. */
#include "places.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "config.h"
#include "mounts.h"
#include "places_base.h"
#include "raw_syscall.h"
#include "sandbox.h"

/* Where everybody may write, and slots with their own uid too. */
static const char *const public_places[] = {"/tmp", "/dev/shm", "/var/tmp", "/run/lock", NULL};

_Static_assert(sizeof(public_places) / sizeof(public_places[0]) == PLACES_COUNTED,
               "the scratch space stands for the end of the list");

#define MOST_INODES 4096 /* of a run */

#define CLEAR_TRIES 6
#define CLEAR_PAUSE_NS (20 * 1000000)

/* Names of files in them may tell something, and nobody needs to list them. Only where the whole
 * root is ours: root without the right to mount is root of a container. (Not where --without only
 * makes it look so.) */
static void hide_names(void) {
    for (const char *const *path = public_places; *path; path++)
        if (chmod(*path, 01733) < 0)
            continue; /* read-only, or not there: its files have modes of their own */
}

/* Docker's /dev/shm has 64 MB for all: who fills it would leave nothing to the others. */
static void find_room(struct places *places, const struct config *config) {
    for (unsigned i = 0; i < PLACES_COUNTED; i++) {
        struct statvfs file_system;
        const char *path = i ? public_places[i - 1] : places->base;
        places->room_bytes[i] = UINT64_MAX;
        if (statvfs(path, &file_system) == 0 && config->slots > 0)
            places->room_bytes[i] =
                file_system.f_bavail * (uint64_t)file_system.f_frsize / config->slots;
    }
    places->small = places->room_bytes[0] < config->scratch_mb << 20;
}

int places_make(const struct plan *plan, const struct config *config, struct places *ret_places,
                const char **ret_what) {
    struct places places = {.private_root = plan->private_root, .lock = -1};
    snprintf(places.harness, sizeof(places.harness), "%s", SANDBOX_HARNESS);
    snprintf(places.fonts, sizeof(places.fonts), "%s", SANDBOX_FONT_CACHE);
    if (!plan->private_root) {
        *ret_what = "a directory for scratch space (none of /tmp, /var/tmp, /dev/shm, /run can be "
                    "written)";
        places.lock = places_base_make(places.base, sizeof(places.base));
        if (places.lock < 0)
            return places.lock;
        snprintf(places.harness, sizeof(places.harness), "%s/harness", places.base);
        snprintf(places.fonts, sizeof(places.fonts), "%s/fonts", places.base);
        mode_t mask = umask(022);
        int r = 0;
        if (mkdir(places.harness, 0755) < 0 || mkdir(places.fonts, 0755) < 0)
            r = -errno;
        umask(mask);
        if (r < 0)
            return r;
        if (plan->unique_uid && geteuid() == 0 && !config->without)
            hide_names();
        find_room(&places, config);
    }
    *ret_places = places;
    return 0;
}

void places_remove(const struct places *places) {
    if (places->base[0])
        places_base_remove(places->base);
}

int places_make_scratch(const struct places *places, const struct plan *plan, unsigned index,
                        uid_t uid, char *ret_path, size_t size) {
    if (places->private_root) {
        snprintf(ret_path, size, "%s", SANDBOX_SCRATCH);
        return 0;
    }
    if (snprintf(ret_path, size, "%s/slot-%u", places->base, index) >= (int)size)
        return -ENAMETOOLONG;
    if (mkdir(ret_path, 0700) < 0)
        return -errno;
    return plan->unique_uid && chown(ret_path, uid, uid) < 0 ? -errno : 0;
}

int places_furnish(const struct slot *slot, const char *font_list) {
    static const char *const directories[] = {"work", "tmp", "shm", "home"};
    const struct places *places = &slot->sandbox->places;
    /* The script before may have changed the mode of its own directory. */
    if ((!places->private_root && chmod(slot->scratch, 0700) < 0) || chdir(slot->scratch) < 0)
        return -errno;
    for (unsigned i = 0; i < sizeof(directories) / sizeof(directories[0]); i++)
        if (mkdir(directories[i], 0700) < 0)
            return -errno;
    /* matplotlib wants a directory that it can write, and would build the list anew in an empty
     * one. */
    if (*font_list) {
        char target[sizeof(places->fonts) + 64], name[80];
        int n = snprintf(target, sizeof(target), "%s/%s", places->fonts, font_list);
        if (n < 0 || (size_t)n >= sizeof(target) ||
            snprintf(name, sizeof(name), "home/%s", font_list) >= (int)sizeof(name))
            return -ENAMETOOLONG;
        if (symlink(target, name) < 0)
            return -errno;
    }
    return chdir("work") < 0 ? -errno : 0;
}

/* One of public_places that is not a directory here: nothing of a run lies in it. (Where a link
 * leads is one of the others, or not for everybody to write.) */
static bool is_absent(int error) {
    return error == -ENOENT || error == -ENOTDIR || error == -ELOOP;
}

static const char *counted_place(const struct slot *slot, unsigned index) {
    if (index == 0)
        return slot->scratch;
    return slot->sandbox->plan.unique_uid ? public_places[index - 1] : NULL;
}

int places_over(const struct slot *slot, uint64_t *ret_limit) {
    const uint64_t most_bytes = slot->sandbox->config->scratch_mb << 20;
    struct sweep_total total = {0};
    const char *place;
    for (unsigned i = 0; i < PLACES_COUNTED && (place = counted_place(slot, i)); i++) {
        const uint64_t before = total.bytes, room = slot->sandbox->places.room_bytes[i];
        int r = sweep_count(place, slot->uid, MOST_INODES, &total);
        if (r < 0 && !(i > 0 && is_absent(r)))
            return r;
        const bool small = room < most_bytes && total.bytes - before > room;
        if (small || total.bytes > most_bytes || total.inodes > MOST_INODES) {
            *ret_limit = small ? room : most_bytes;
            return 1;
        }
    }
    return 0;
}

static int clear(const struct slot *slot) {
    int r = sweep_remove(slot->scratch, slot->uid);
    for (const char *const *path = public_places; slot->sandbox->plan.unique_uid && *path; path++) {
        int one = sweep_remove(*path, slot->uid);
        if (one < 0 && !is_absent(one) && r == 0)
            r = one;
    }
    return r;
}

/* Nobody is left who could make anything. But in gVisor a call of one that was killed may still be
 * under way when its init is reaped already: what stays is tried again for a tenth of a second. */
int places_clear(const struct slot *slot) {
    const struct timespec pause = {.tv_nsec = CLEAR_PAUSE_NS};
    int r = clear(slot);
    for (int i = 1; r < 0 && i < CLEAR_TRIES; i++) {
        raw_syscall(SYS_nanosleep, (long)&pause, 0, 0, 0);
        r = clear(slot);
    }
    return r;
}
