/* mounts: from the host's file system to the prepared root. What a worker does is in
 * mounts_worker.c, /etc in etc.c. */
#include "mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "etc.h"

/* Read-only, no set-uid, no devices, for a mount and all below it. mount_setattr(2), since 5.12. */
static int make_read_only(const char *path) {
    struct mount_attr attributes = {.attr_set =
                                        MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV};
    if (syscall(SYS_mount_setattr, AT_FDCWD, path, AT_RECURSIVE, &attributes, sizeof(attributes)) ==
        0)
        return 0;
    if (errno != ENOSYS)
        return -errno;
    unsigned long flags = MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV;
    return mount(NULL, path, NULL, flags, NULL) < 0 ? -errno : 0;
}

int mounts_bind_read_only(const char *source, const char *target) {
    if (mount(source, target, NULL, MS_BIND | MS_REC, NULL) < 0)
        return -errno;
    return make_read_only(target);
}

/* /bin, /lib and the like: links into /usr since Debian 12; elsewhere directories of their own.
 * root is relative to it. */
static int copy_or_bind(const char *name) {
    char source[64], link[256];
    struct stat status;
    snprintf(source, sizeof(source), "/%s", name);
    if (lstat(source, &status) < 0)
        return errno == ENOENT ? 0 : -errno;
    if (S_ISLNK(status.st_mode)) {
        ssize_t size = readlink(source, link, sizeof(link) - 1);
        if (size < 0)
            return -errno;
        link[size] = 0;
        return symlink(link, name) < 0 ? -errno : 0;
    }
    if (mkdir(name, 0755) < 0)
        return -errno;
    return mounts_bind_read_only(source, name);
}

static int make_system(void) {
    static const char *const links[] = {"bin", "sbin", "lib", "lib32", "lib64", "libx32"};
    int r = mkdir("usr", 0755) < 0 ? -errno : mounts_bind_read_only("/usr", "usr");
    for (unsigned i = 0; r == 0 && i < sizeof(links) / sizeof(links[0]); i++)
        r = copy_or_bind(links[i]);
    return r;
}

static int make_device(const char *name) {
    char source[64], target[64];
    snprintf(source, sizeof(source), "/dev/%s", name);
    snprintf(target, sizeof(target), "dev/%s", name);
    int fd = open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0)
        return -errno;
    close(fd);
    if (mount(source, target, NULL, MS_BIND, NULL) < 0)
        return -errno;
    /* A device can be written all the same; its times and mode, which are the host's, cannot. */
    unsigned long flags = MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NOEXEC;
    return mount(NULL, target, NULL, flags, NULL) < 0 ? -errno : 0;
}

static int make_devices(void) {
    static const char *const names[] = {"null", "zero", "full", "random", "urandom"};
    static const char *const links[][2] = {{"/proc/self/fd", "dev/fd"},
                                           {"/proc/self/fd/0", "dev/stdin"},
                                           {"/proc/self/fd/1", "dev/stdout"},
                                           {"/proc/self/fd/2", "dev/stderr"},
                                           {SANDBOX_SCRATCH "/shm", "dev/shm"}};
    int r = mkdir("dev", 0755) < 0 ? -errno : 0;
    for (unsigned i = 0; r == 0 && i < sizeof(names) / sizeof(names[0]); i++)
        r = make_device(names[i]);
    for (unsigned i = 0; r == 0 && i < sizeof(links) / sizeof(links[0]); i++)
        r = symlink(links[i][0], links[i][1]) < 0 ? -errno : 0;
    return r;
}

static int make_places(void) {
    static const char *const directories[] = {
        "proc", "sandbox", "run", "run/harness", "var", "var/cache", "var/cache/fonts"};
    for (unsigned i = 0; i < sizeof(directories) / sizeof(directories[0]); i++)
        if (mkdir(directories[i], 0755) < 0)
            return -errno;
    return symlink(SANDBOX_SCRATCH "/tmp", "tmp") < 0 ? -errno : 0;
}

/* A tmpfs for the new root, over a directory that exists everywhere and that nothing is taken from.
 */
static int enter_empty_root(void) {
    static const char *const places[] = {"/mnt", "/srv", "/media", "/opt"};
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return -errno;
    for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++)
        if (mount("root", places[i], "tmpfs", MS_NOSUID, "mode=755,size=8m,nr_inodes=4k") == 0)
            return chdir(places[i]) < 0 ? -errno : 0;
    return -errno;
}

/* Where the old root is not a mount that can be pivoted away (an initramfs, AppArmor), ours is
 * moved over it: what lies beneath has no name any more. A script cannot call chroot(2) to get out.
 */
static int move_root(void) {
    if (mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 || chdir("/") < 0)
        return -errno;
    return 0;
}

/* The old root ends up over the new one and is taken away: pivot_root(2), "pivot_root(".", ".")".
 */
static int change_root(void) {
    if (syscall(SYS_pivot_root, ".", ".") < 0)
        return errno == EPERM || errno == EINVAL ? move_root() : -errno;
    if (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
        return -errno;
    return 0;
}

int mounts_prepare(uid_t first_uid, unsigned uids, const char **ret_what) {
    mode_t mask = umask(022);
    *ret_what = "a mount namespace";
    int r = enter_empty_root();
    if (r == 0) {
        *ret_what = "/usr";
        r = make_system();
    }
    if (r == 0) {
        *ret_what = "/dev";
        r = make_devices();
    }
    if (r == 0) {
        *ret_what = "directories";
        r = make_places();
    }
    if (r == 0) {
        *ret_what = "/etc";
        r = etc_make(first_uid, uids);
    }
    if (r == 0) {
        *ret_what = "pivot_root";
        r = change_root();
    }
    umask(mask);
    return r;
}

int mounts_seal(void) {
    unsigned long flags = MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV;
    return mount(NULL, "/", NULL, flags, NULL) < 0 ? -errno : 0;
}
