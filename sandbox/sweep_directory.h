/*
 * sweep_directory: listing and opening directories for sweep_count.c and sweep_remove.c: raw system
 * calls, memory of the caller's. getdents64(2), openat(2).
 */
#ifndef SWEEP_DIRECTORY_H
#define SWEEP_DIRECTORY_H

#include <dirent.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

struct listing {
    int fd;
    long used, size;
    int64_t here, next; /* offsets of the entry handed out last, and of the one after it */
    _Alignas(struct dirent64) char bytes[2048];
};

/* Lists fd from where it stands. The caller keeps fd. */
void listing_start(struct listing *listing, int fd);

/* The same from an offset: listing->here or an entry's d_off; 0: from the start. */
void listing_seek(struct listing *listing, int64_t offset);

/* The next entry but "." and "..", valid until the next call on this listing. NULL at the end, and
 * with *ret_error -errno on failure. */
const struct dirent64 *listing_next(struct listing *listing, int *ret_error);

/* A descriptor of the directory, and what it is; or -errno: -ENOTDIR also for a link to one. */
int directory_open(int dir, const char *name, struct stat *ret_stat);

/* The same, if it belongs to owner (else -EPERM) and lies on device (else -EXDEV). */
int directory_open_owned(int dir, const char *name, uid_t owner, dev_t device,
                         struct stat *ret_stat);

void directory_close(int fd);

/* What the entry is; a link is not followed. 0 or -errno. */
int directory_look(int dir, const char *name, struct stat *ret_stat);

#endif
