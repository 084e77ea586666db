/*
 * sweep: counts and removes what a run left in directories that outlive it, where there is no
 * tmpfs of its own. Raw system calls on the stack only, no errno: the init calls it beside the
 * zygote. Never follows a link, never leaves the directory's file system, leaves the working
 * directory alone. The directory itself must not be a link (-ENOTDIR).
 */
#ifndef SWEEP_H
#define SWEEP_H

#include <stdint.h>
#include <sys/types.h>

struct sweep_total {
    uint64_t bytes;  /* as st_blocks has it */
    uint64_t inodes; /* entries, links and directories included */
};

/* Adds to *ret_total what lies beneath the directory and belongs to owner. An entry that belongs to
 * somebody else is passed over with all below it. A file of several names counts a share at each.
 * Files and directories may change and move meanwhile. Stops counting when there are more than
 * most_inodes, or as many vanish meanwhile, when something cannot be looked at or lies deeper than
 * 100 directories, and after a million entries of whomever: then ret_total->inodes is most_inodes
 * + 1. Holds 101 descriptors at most. 0 or -errno: the directory itself cannot be opened. */
int sweep_count(const char *directory, uid_t owner, uint64_t most_inodes,
                struct sweep_total *ret_total);

/* Removes the same, however deep it lies and whatever modes it has (directories that belong to
 * owner get 0700 first), and what others have in directories of owner, but for their directories
 * with something in them; the directory itself stays. Nobody may change it meanwhile. Uses 8 KB of
 * stack. 0, or -errno of the last entry that stayed; it goes on with the others. */
int sweep_remove(const char *directory, uid_t owner);

#endif
