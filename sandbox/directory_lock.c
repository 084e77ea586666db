/* directory_lock: locked first, then looked at: what is there under a lock stays. */
#include "directory_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

int directory_lock(int fd, int parent, const char *name) {
    struct stat named, held;
    if (flock(fd, LOCK_EX | LOCK_NB) < 0)
        return errno == EWOULDBLOCK ? -EAGAIN : -errno;
    if (fstat(fd, &held) < 0)
        return -errno;
    if (fstatat(parent, name, &named, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? -EAGAIN : -errno;
    return named.st_dev == held.st_dev && named.st_ino == held.st_ino ? 0 : -EAGAIN;
}
