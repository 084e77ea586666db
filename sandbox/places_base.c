/* places_base: one directory for each zygote, under the first parent that can be written. */
#include "places_base.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "directory_lock.h"
#include "sweep.h"

#define BASE_PREFIX "code-runner-"
#define MAKE_TRIES 100

static const char *const base_parents[] = {"/tmp", "/var/tmp", "/dev/shm", "/run"};
#define BASE_PARENTS (sizeof(base_parents) / sizeof(base_parents[0]))

/* What lies in a directory of ours may belong to the uid that python3 wrote it as. */
static void remove_files(const char *path) {
    DIR *directory = opendir(path);
    for (struct dirent *entry; directory && (entry = readdir(directory));)
        unlinkat(dirfd(directory), entry->d_name, 0);
    if (directory)
        closedir(directory);
}

/* A base that nobody holds any more, with all slots' directories, each of an owner of its own. */
void places_base_remove(const char *base) {
    char path[128];
    DIR *directory = opendir(base);
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        struct stat status;
        if (entry->d_name[0] == '.' || strlen(entry->d_name) > 32 ||
            snprintf(path, sizeof(path), "%s/%s", base, entry->d_name) >= (int)sizeof(path) ||
            lstat(path, &status) < 0 || !S_ISDIR(status.st_mode))
            continue;
        if (status.st_uid == geteuid())
            remove_files(path);
        sweep_remove(path, status.st_uid);
        rmdir(path);
    }
    if (directory)
        closedir(directory);
    rmdir(base);
}

/* Only what is ours by its owner, so that no script can have something removed; and only if its
 * zygote, which holds a lock on it, is gone. */
static void remove_left_over(const char *parent) {
    char path[128];
    DIR *directory = opendir(parent);
    for (struct dirent *entry; directory && (entry = readdir(directory));) {
        struct stat status;
        if (strncmp(entry->d_name, BASE_PREFIX, strlen(BASE_PREFIX)) != 0 ||
            snprintf(path, sizeof(path), "%s/%s", parent, entry->d_name) >= (int)sizeof(path) ||
            lstat(path, &status) < 0 || !S_ISDIR(status.st_mode))
            continue;
        int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd < 0)
            continue;
        /* What is locked is what the name says, too: gVisor follows a link in spite of O_NOFOLLOW
         * with O_DIRECTORY. */
        if (fstat(fd, &status) == 0 && status.st_uid == geteuid() &&
            directory_lock(fd, AT_FDCWD, path) == 0)
            places_base_remove(path);
        close(fd);
    }
    if (directory)
        closedir(directory);
}

/* The lock's descriptor; -EAGAIN if another zygote that starts has taken it for left behind, or
 * -errno. */
static int make_locked(const char *parent, char *ret_base, size_t size) {
    if (snprintf(ret_base, size, "%s/" BASE_PREFIX "XXXXXX", parent) >= (int)size)
        return -ENAMETOOLONG;
    if (!mkdtemp(ret_base))
        return -errno;
    int lock = open(ret_base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = lock >= 0         ? directory_lock(lock, AT_FDCWD, ret_base)
            : errno == ENOENT ? -EAGAIN
                              : -errno;
    if (r == 0 && chmod(ret_base, 0711) < 0)
        r = -errno;
    if (r == 0)
        return lock;
    if (lock >= 0)
        close(lock);
    if (r != -EAGAIN)
        rmdir(ret_base);
    return r;
}

int places_base_make(char *ret_base, size_t size) {
    int r = -ENOENT;
    for (unsigned i = 0; i < BASE_PARENTS; i++)
        remove_left_over(base_parents[i]);
    for (unsigned i = 0; i < BASE_PARENTS && r < 0; i++) {
        r = -EAGAIN;
        for (int n = 0; n < MAKE_TRIES && r == -EAGAIN; n++)
            r = make_locked(base_parents[i], ret_base, size);
    }
    if (r < 0)
        ret_base[0] = '\0';
    return r;
}
