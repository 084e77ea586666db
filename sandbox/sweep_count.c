/*
 * sweep_count: runs while the script still acts. Why it stays within the tree: it goes down only,
 * from a descriptor to an entry of it (openat with O_NOFOLLOW), and back by closing, never by "..":
 * a directory that is moved while we are in it takes us nowhere but to what lies beneath it. What
 * is opened must be the owner's and on the same file system. Each level holds a descriptor, so
 * there is a greatest depth: a tree that is deeper, or that may not be read, counts as over the
 * limit, else it could hide anything. Why it ends: the number of entries looked at is bounded, and
 * that of those which vanish between two looks, whatever a script makes and removes meanwhile.
 */
#include "sweep.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>

#include "sweep_directory.h"

#define COUNT_DEPTH 100        /* a descriptor each */
#define COUNT_LOOKS (1U << 20) /* entries, others' too */

struct count {
    struct sweep_total total;
    uint64_t most_inodes, vanished;
    unsigned depth;
    uid_t owner;
    dev_t device;
    int fds[COUNT_DEPTH + 1]; /* of the directories from the top to where we are */
    struct listing listing;
};

/* Over the limit: nothing more is counted. */
static void count_over(struct count *count) {
    count->total.inodes = count->most_inodes + 1;
}

static void count_enter(struct count *count, const struct dirent64 *entry) {
    struct stat stat;
    if (count->depth == COUNT_DEPTH) {
        count_over(count);
        return;
    }
    int fd =
        directory_open_owned(count->listing.fd, entry->d_name, count->owner, count->device, &stat);
    if (fd == -ENOENT || fd == -ENOTDIR || fd == -EPERM || fd == -EXDEV)
        return; /* removed or replaced since we looked, or another file system */
    if (fd < 0) {
        count_over(count);
        return;
    }
    listing_seek(&count->listing, entry->d_off); /* there we go on when we are back */
    count->fds[++count->depth] = fd;
    listing_start(&count->listing, fd);
}

static void count_entry(struct count *count, const struct dirent64 *entry) {
    struct stat stat;
    int r = directory_look(count->listing.fd, entry->d_name, &stat);
    if (r == -ENOENT && ++count->vanished <= count->most_inodes)
        return;
    if (r < 0) {
        count_over(count);
        return;
    }
    if (stat.st_uid != count->owner)
        return;
    if (++count->total.inodes > count->most_inodes)
        return;
    uint64_t bytes = (uint64_t)stat.st_blocks * 512;
    if (S_ISDIR(stat.st_mode)) {
        count->total.bytes += bytes;
        count_enter(count, entry);
        return;
    }
    /* Each name has its share, so that a file of many names counts once. */
    count->total.bytes += bytes / (stat.st_nlink > 0 ? stat.st_nlink : 1);
}

static void count_all(struct count *count) {
    for (unsigned looks = 0; count->total.inodes <= count->most_inodes; looks++) {
        int error = 0;
        const struct dirent64 *entry = listing_next(&count->listing, &error);
        if (entry != NULL) {
            if (looks == COUNT_LOOKS)
                count_over(count);
            else
                count_entry(count, entry);
        } else if (error < 0 && error != -ENOENT) { /* ENOENT: it was removed while we read it */
            count_over(count);
        } else if (count->depth == 0) {
            return;
        } else {
            directory_close(count->fds[count->depth--]);
            listing_start(&count->listing, count->fds[count->depth]);
        }
    }
}

int sweep_count(const char *directory, uid_t owner, uint64_t most_inodes,
                struct sweep_total *ret_total) {
    struct stat stat;
    struct count count;
    int fd = directory_open(AT_FDCWD, directory, &stat);
    if (fd < 0)
        return fd;
    count.total = *ret_total;
    count.most_inodes = most_inodes;
    count.vanished = 0;
    count.depth = 0;
    count.owner = owner;
    count.device = stat.st_dev;
    count.fds[0] = fd;
    listing_start(&count.listing, fd);
    count_all(&count);
    for (unsigned i = 0; i <= count.depth; i++)
        directory_close(count.fds[i]);
    *ret_total = count.total;
    return 0;
}
