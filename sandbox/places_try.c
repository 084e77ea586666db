/*
 * places_try: whether slots can have a uid of their own where the root is shared, tried with a
 * directory as a slot has one. A container's root may have any part of the capabilities that it
 * takes: to give the directory away, and to remove what its owner has closed. For plan_probe.c.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "identity.h"
#include "places.h"
#include "sweep.h"

/* As a script would leave it: a file in a directory that its owner has closed. */
static int leave_closed(const char *directory, uid_t uid) {
    int r = identity_change(uid);
    if (r == 0 && (chdir(directory) < 0 || mkdir("closed", 0700) < 0 ||
                   mknod("closed/file", S_IFREG | 0600, 0) < 0 || chmod("closed", 0) < 0))
        r = -errno;
    return r;
}

static int remove_closed(const char *directory, uid_t uid) {
    int r = identity_change(uid);
    return r == 0 ? sweep_remove(directory, uid) : r;
}

static int in_child(int (*fn)(const char *directory, uid_t uid), const char *directory, uid_t uid) {
    int status;
    pid_t pid = fork();
    if (pid == 0)
        _exit(-fn(directory, uid));
    if (pid < 0 || waitpid(pid, &status, 0) < 0)
        return -errno;
    return WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO;
}

/* A base has mode 0711 and slots' directories below it. */
static int try_slot(const char *base, uid_t uid) {
    char slot[64];
    snprintf(slot, sizeof(slot), "%s/slot", base);
    if (chmod(base, 0711) < 0 || mkdir(slot, 0700) < 0)
        return -errno;
    int r = chown(slot, uid, uid) < 0 ? -errno : in_child(leave_closed, slot, uid);
    if (r == 0)
        r = sweep_remove(slot, uid);
    /* What could not be removed so is not to stay: the owner can. */
    if (r < 0)
        in_child(remove_closed, slot, uid);
    if (rmdir(slot) < 0 && r == 0)
        r = -errno;
    return r;
}

int places_try_owner(uid_t uid) {
    /* Not the names of bases: a zygote that starts beside this would remove it. */
    static const char *const names[] = {"/tmp/.code-runner-XXXXXX", "/var/tmp/.code-runner-XXXXXX",
                                        "/dev/shm/.code-runner-XXXXXX", "/run/.code-runner-XXXXXX"};
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char base[48];
        snprintf(base, sizeof(base), "%s", names[i]);
        if (!mkdtemp(base))
            continue;
        int r = try_slot(base, uid);
        if (rmdir(base) < 0 && r == 0)
            r = -errno;
        return r;
    }
    return -errno;
}
