/*
 * sweep_remove: has no greatest depth, so it goes up by "..". That is right because nobody is left
 * who could move a directory; should one be, it only ever works in directories of the owner, and
 * the one above must have the one that it comes from, else it stops. An entry that stays is passed
 * over when we come back to its directory by the position of the one that we went into.
 */
#include "sweep.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>

#include "raw_syscall.h"
#include "sweep_directory.h"

#define REMOVE_PLACES 128 /* levels whose position is known when we come back */
#define REMOVE_PASSES 32

struct removal {
    uid_t owner;
    dev_t device;
    int failed;   /* of the last entry that stayed */
    bool removed; /* at least one is gone */
    struct {
        unsigned depth;
        int64_t offset;      /* of the entry that we went into */
    } places[REMOVE_PLACES]; /* by depth; deeper ones overwrite */
    struct listing listing;
};

/* Whether the entry is a directory with something in it. */
static bool remove_name(struct removal *removal, int dir, const char *name, bool is_directory) {
    long r = -EISDIR;
    if (!is_directory)
        r = raw_syscall(SYS_unlinkat, dir, (long)name, 0, 0);
    if (r == -EISDIR)
        r = raw_syscall(SYS_unlinkat, dir, (long)name, AT_REMOVEDIR, 0);
    if (r == 0)
        removal->removed = true;
    else if (r != -ENOTEMPTY && r != -EEXIST && r != -ENOENT)
        removal->failed = (int)r;
    return r == -ENOTEMPTY || r == -EEXIST;
}

/* A directory stays because of what is in it: that has the better error. */
static void remove_left(struct removal *removal, int dir, const char *name) {
    if (remove_name(removal, dir, name, true) && removal->failed == 0)
        removal->failed = -ENOTEMPTY;
}

/* A descriptor of a directory that can be emptied, or -errno. */
static int remove_enter(const struct removal *removal, int dir, const char *name) {
    struct stat stat;
    int fd = directory_open_owned(dir, name, removal->owner, removal->device, &stat);
    if (fd == -EACCES && raw_syscall(SYS_fchmodat, dir, (long)name, 0700, 0) == 0)
        fd = directory_open_owned(dir, name, removal->owner, removal->device, &stat);
    if (fd >= 0 && (stat.st_mode & 0700) != 0700)
        raw_syscall(SYS_fchmod, fd, 0700, 0, 0);
    return fd;
}

static bool is_inode(int dir, const struct dirent64 *entry, ino_t inode) {
    struct stat stat;
    return (entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN) &&
           directory_look(dir, entry->d_name, &stat) == 0 && S_ISDIR(stat.st_mode) &&
           stat.st_ino == inode;
}

/* Goes up to depth, finds the entry that we come from, removes it, and stands behind it. What comes
 * before it was tried already. */
static int remove_leave(struct removal *removal, unsigned depth) {
    struct listing *listing = &removal->listing;
    struct stat child = {0}, stat;
    int error = (int)raw_syscall(SYS_fstat, listing->fd, (long)&child, 0, 0);
    int parent = directory_open_owned(listing->fd, "..", removal->owner, removal->device, &stat);
    if (error < 0 || parent < 0)
        return error < 0 ? error : parent;
    directory_close(listing->fd);
    listing_start(listing, parent);
    if (removal->places[depth % REMOVE_PLACES].depth == depth)
        listing_seek(listing, removal->places[depth % REMOVE_PLACES].offset);
    bool from_start = listing->next == 0;
    for (;;) {
        const struct dirent64 *entry = listing_next(listing, &error);
        if (entry != NULL && is_inode(parent, entry, child.st_ino)) {
            remove_left(removal, parent, entry->d_name);
            return 0;
        }
        if (entry != NULL)
            continue;
        if (error < 0 || from_start)
            return error < 0 ? error : -ESTALE;
        /* Some file systems count entries for an offset, and there are fewer now. */
        from_start = true;
        listing_seek(listing, 0);
    }
}

/* Empties the directory as far as it can be. Closes fd. */
static void remove_below(struct removal *removal, int fd) {
    struct listing *listing = &removal->listing;
    unsigned depth = 0;
    listing_start(listing, fd);
    for (;;) {
        int error = 0;
        const struct dirent64 *entry = listing_next(listing, &error);
        if (entry == NULL) {
            if (error == 0 && depth == 0)
                break;
            if (error == 0)
                error = remove_leave(removal, --depth);
            if (error < 0) {
                removal->failed = error;
                break;
            }
            continue;
        }
        if (!remove_name(removal, listing->fd, entry->d_name, entry->d_type == DT_DIR))
            continue;
        int child = remove_enter(removal, listing->fd, entry->d_name);
        if (child < 0) {
            removal->failed = child;
            continue;
        }
        removal->places[depth % REMOVE_PLACES].depth = depth;
        removal->places[depth % REMOVE_PLACES].offset = listing->here;
        depth++;
        directory_close(listing->fd);
        listing_start(listing, child);
    }
    directory_close(listing->fd);
}

/* One time through the top, which is the only directory that has entries of others. */
static void remove_pass(struct removal *removal, int fd) {
    struct listing top;
    const struct dirent64 *entry;
    struct stat stat;
    listing_start(&top, fd);
    listing_seek(&top, 0);
    while ((entry = listing_next(&top, &removal->failed)) != NULL) {
        int r = directory_look(fd, entry->d_name, &stat);
        if (r < 0 && r != -ENOENT)
            removal->failed = r;
        if (r < 0 || stat.st_uid != removal->owner ||
            !remove_name(removal, fd, entry->d_name, S_ISDIR(stat.st_mode)))
            continue;
        int child = remove_enter(removal, fd, entry->d_name);
        if (child < 0) {
            removal->failed = child;
            continue;
        }
        remove_below(removal, child);
        remove_left(removal, fd, entry->d_name);
    }
}

int sweep_remove(const char *directory, uid_t owner) {
    struct stat stat;
    struct removal removal;
    int fd = directory_open(AT_FDCWD, directory, &stat);
    if (fd < 0)
        return fd;
    removal.owner = owner;
    removal.device = stat.st_dev;
    for (unsigned i = 0; i < REMOVE_PLACES; i++)
        removal.places[i].depth = ~0U;
    /* Until it no longer helps: a file system may leave out of a listing (gVisor's does) what comes
     * behind something that is removed meanwhile. */
    removal.removed = true;
    for (unsigned pass = 0; removal.removed && pass < REMOVE_PASSES; pass++) {
        removal.failed = 0;
        removal.removed = false;
        remove_pass(&removal, fd);
    }
    directory_close(fd);
    return removal.failed;
}
