/* sweep_directory: see sweep.h for what this code must not do. */
#include "sweep_directory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <unistd.h>

#include "raw_syscall.h"

void listing_start(struct listing *listing, int fd) {
    listing->fd = fd;
    listing->used = listing->size = 0;
    listing->here = listing->next = 0;
}

void listing_seek(struct listing *listing, int64_t offset) {
    raw_syscall(SYS_lseek, listing->fd, offset, SEEK_SET, 0);
    listing_start(listing, listing->fd);
    listing->here = listing->next = offset;
}

static bool is_dots(const char *name) {
    return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

const struct dirent64 *listing_next(struct listing *listing, int *ret_error) {
    for (;;) {
        if (listing->used == listing->size) {
            long size = raw_syscall(SYS_getdents64, listing->fd, (long)listing->bytes,
                                    sizeof(listing->bytes), 0);
            listing->used = 0;
            listing->size = size > 0 ? size : 0;
            if (size < 0)
                *ret_error = (int)size;
            if (size <= 0)
                return NULL;
        }
        const struct dirent64 *entry = (const void *)(listing->bytes + listing->used);
        listing->used += entry->d_reclen;
        listing->here = listing->next;
        listing->next = entry->d_off;
        if (!is_dots(entry->d_name))
            return entry;
    }
}

void directory_close(int fd) {
    raw_syscall(SYS_close, fd, 0, 0, 0);
}

/* Without O_DIRECTORY: with it gVisor follows the link in spite of O_NOFOLLOW. O_NONBLOCK: what was
 * a directory can be a FIFO by now. */
int directory_open(int dir, const char *name, struct stat *ret_stat) {
    long fd = raw_syscall(SYS_openat, dir, (long)name,
                          O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0);
    if (fd < 0)
        return fd == -ELOOP || fd == -ENXIO ? -ENOTDIR : (int)fd;
    long r = raw_syscall(SYS_fstat, fd, (long)ret_stat, 0, 0);
    if (r == 0 && !S_ISDIR(ret_stat->st_mode))
        r = -ENOTDIR;
    if (r < 0)
        directory_close((int)fd);
    return r < 0 ? (int)r : (int)fd;
}

int directory_open_owned(int dir, const char *name, uid_t owner, dev_t device,
                         struct stat *ret_stat) {
    int fd = directory_open(dir, name, ret_stat);
    if (fd < 0 || (ret_stat->st_uid == owner && ret_stat->st_dev == device))
        return fd;
    directory_close(fd);
    return ret_stat->st_dev != device ? -EXDEV : -EPERM;
}

int directory_look(int dir, const char *name, struct stat *ret_stat) {
    return (int)raw_syscall(SYS_newfstatat, dir, (long)name, (long)ret_stat, AT_SYMLINK_NOFOLLOW);
}
