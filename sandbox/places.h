/*
 * places: the directories of the sandbox side. In a private root they have fixed names and the
 * scratch space is a tmpfs of each worker; else they lie in a directory of the zygote's own, and
 * what a run leaves in its scratch space, or in directories that all may write to, is removed after
 * it (places_clear).
 */
#ifndef PLACES_H
#define PLACES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "plan.h"
#include "sweep.h"

struct config;
struct slot;

#define PLACES_COUNTED 5 /* the scratch space, and what is open to everybody */

struct places {
    bool private_root;
    char base[48];    /* ours; in the private root "" */
    char harness[64]; /* the harness, compiled; for cold workers */
    char fonts[64];   /* matplotlib's font list */
    int lock;         /* held on base while the zygote lives, so that another one leaves it */
    uint64_t room_bytes[PLACES_COUNTED]; /* what one run may have where scripts write */
    bool small; /* the scratch space has less room for one than the limit */
};

/* Whether slots can have a uid like this where the root is shared: a directory is made, given to
 * it, filled by it and removed. May change nothing else of the process; forks. 0 or -errno. */
int places_try_owner(uid_t uid);

/* Makes what must be made; removes what a zygote that was killed has left. 0 or -errno, with what
 * failed in *ret_what (static storage). */
int places_make(const struct plan *plan, const struct config *config, struct places *ret_places,
                const char **ret_what);

/* Removes base, when no worker lives. */
void places_remove(const struct places *places);

/* The scratch space of slot number index: its path, and in a shared root the directory itself,
 * owned by uid where the plan has unique uids. 0 or -errno. */
int places_make_scratch(const struct places *places, const struct plan *plan, unsigned index,
                        uid_t uid, char *ret_path, size_t size);

/* Worker's side, as the slot's uid: the directories in its scratch space, and the working
 * directory. font_list: a name in places.fonts, or "". 0 or -errno. */
int places_furnish(const struct slot *slot, const char *font_list);

/* Counts what a run has in files. 1 if that is more than it may have: in all, by number, or more
 * than its share of a small file system that all scripts write to; with the limit in bytes in
 * *ret_limit. 0 or -errno else. For the zygote's loop, shared root only. */
int places_over(const struct slot *slot, uint64_t *ret_limit);

/* Removes everything that a run left, when nothing of it lives. Raw system calls only, for the
 * init. 0 or -errno: then the slot must not be used again. */
int places_clear(const struct slot *slot);

#endif
