/* etc: never the host's own passwd, hosts or keys: only what is the same on every Debian machine.
 */
#include "etc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

/* Directories that are bound, and single files that are; missing ones are left out. */
static const char *const directories[] = {"alternatives", "fonts",   "ld.so.conf.d",
                                          "python3.11",   "python3", "ssl/certs"};
static const char *const files[] = {"ld.so.cache",     "ld.so.conf",    "localtime",    "timezone",
                                    "ssl/openssl.cnf", "mime.types",    "matplotlibrc", "protocols",
                                    "services",        "debian_version"};

static int bind_entry(const char *name, bool directory) {
    char source[64], target[64];
    snprintf(source, sizeof(source), "/etc/%s", name);
    snprintf(target, sizeof(target), "etc/%s", name);
    if (access(source, F_OK) < 0)
        return 0;
    if (directory) {
        if (mkdir(target, 0755) < 0)
            return -errno;
    } else {
        int fd = open(target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        if (fd < 0)
            return -errno;
        close(fd);
    }
    return mounts_bind_read_only(source, target);
}

static int write_text(const char *path, const char *text) {
    FILE *file = fopen(path, "wxe");
    if (!file)
        return -errno;
    int failed = fputs(text, file) < 0;
    return fclose(file) < 0 || failed ? -EIO : 0;
}

/* Every slot's uid is called "sandbox", so that pwd and getpass work. */
static int write_users(uid_t first_uid, unsigned uids) {
    FILE *passwd = fopen("etc/passwd", "wxe"), *group = fopen("etc/group", "wxe");
    int r = passwd && group ? 0 : -errno;
    if (passwd && group) {
        fputs("root:x:0:0:root:/root:/usr/sbin/nologin\n", passwd);
        fputs("root:x:0:\n", group);
        for (unsigned i = 0; i < uids; i++) {
            fprintf(passwd, "sandbox:x:%u:%u::/sandbox/home:/bin/sh\n", first_uid + i,
                    first_uid + i);
            fprintf(group, "sandbox:x:%u:\n", first_uid + i);
        }
    }
    if (passwd && fclose(passwd) < 0)
        r = -EIO;
    if (group && fclose(group) < 0)
        r = -EIO;
    return r;
}

int etc_make(uid_t first_uid, unsigned uids) {
    int r = mkdir("etc", 0755) < 0 || mkdir("etc/ssl", 0755) < 0 ? -errno : 0;
    for (unsigned i = 0; r == 0 && i < sizeof(directories) / sizeof(directories[0]); i++)
        r = bind_entry(directories[i], true);
    for (unsigned i = 0; r == 0 && i < sizeof(files) / sizeof(files[0]); i++)
        r = bind_entry(files[i], false);
    if (r == 0)
        r = write_users(first_uid, uids);
    if (r == 0)
        r = write_text("etc/hosts", "127.0.0.1 localhost\n::1 localhost\n");
    if (r == 0)
        r = write_text("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files\n");
    return r;
}
