/*
 * landlock: one ruleset, made and entered by each worker, since its scratch space exists only
 * there. Rights that the kernel does not know are taken out ABI by ABI; nothing else makes it
 * weaker.
 */
#include "landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Newer than the headers that we build with. */
#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ULL << 13)
#endif
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif
#ifndef LANDLOCK_ACCESS_FS_IOCTL_DEV
#define LANDLOCK_ACCESS_FS_IOCTL_DEV (1ULL << 15)
#endif
#define NET_BIND_TCP (1ULL << 0)
#define NET_CONNECT_TCP (1ULL << 1)
#define SCOPE_ABSTRACT_UNIX_SOCKET (1ULL << 0)
#define SCOPE_SIGNAL (1ULL << 1)
#define ABI_LOG 7
#define RESTRICT_SELF_LOG_SAME_EXEC_OFF (1U << 0)

/* struct landlock_ruleset_attr of ABI 6; older kernels take a shorter one. */
struct ruleset {
    uint64_t file_system, network, scopes;
};

#define READ_RIGHTS                                                                                \
    (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define DEVICE_RIGHTS                                                                              \
    (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE |  \
     LANDLOCK_ACCESS_FS_IOCTL_DEV)
#define NODE_RIGHTS (LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK)

int landlock_abi(void) {
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    return abi < 0 ? 0 : (int)abi;
}

static size_t rights_of_abi(int abi, struct ruleset *ret) {
    uint64_t all = (1ULL << 16) - 1;
    *ret = (struct ruleset){.file_system = all,
                            .network = NET_BIND_TCP | NET_CONNECT_TCP,
                            .scopes = SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL};
    size_t size = sizeof(*ret);
    switch (abi) {
    case 1:
        ret->file_system &= ~LANDLOCK_ACCESS_FS_REFER;
        __attribute__((fallthrough));
    case 2:
        ret->file_system &= ~LANDLOCK_ACCESS_FS_TRUNCATE;
        __attribute__((fallthrough));
    case 3:
        ret->network = 0;
        __attribute__((fallthrough));
    case 4:
        ret->file_system &= ~LANDLOCK_ACCESS_FS_IOCTL_DEV;
        __attribute__((fallthrough));
    case 5:
        ret->scopes = 0;
    }
    /* A kernel refuses a longer struct only if what it does not know is not zero; the short one is
     * right for all. */
    if (!ret->scopes)
        size = ret->network ? 2 * sizeof(uint64_t) : sizeof(uint64_t);
    return size;
}

/* What a rule on a file, and not on a directory, may grant. */
#define FILE_RIGHTS (DEVICE_RIGHTS | LANDLOCK_ACCESS_FS_EXECUTE)

/* A path that is not there needs no rule. */
static int allow_beneath(int ruleset, const char *path, uint64_t rights) {
    struct stat status;
    struct landlock_path_beneath_attr rule = {.allowed_access = rights};
    rule.parent_fd = open(path, O_PATH | O_CLOEXEC);
    if (rule.parent_fd < 0)
        return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
    int r = fstat(rule.parent_fd, &status) < 0 ? -errno : 0;
    if (r == 0 && !S_ISDIR(status.st_mode))
        rule.allowed_access &= FILE_RIGHTS;
    if (r == 0 && rule.allowed_access &&
        syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
        r = -errno;
    close(rule.parent_fd);
    return r;
}

static int allow_all(int ruleset, const char *const *paths, uint64_t rights) {
    int r = 0;
    for (; r == 0 && *paths; paths++)
        r = allow_beneath(ruleset, *paths, rights);
    return r;
}

int landlock_restrict(int abi, const struct landlock_paths *paths) {
    struct ruleset rights;
    size_t size = rights_of_abi(abi, &rights);
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &rights, size, 0);
    if (ruleset < 0)
        return -errno;
    int r = allow_all(ruleset, paths->read, rights.file_system & READ_RIGHTS);
    if (r == 0)
        r = allow_all(ruleset, paths->devices, rights.file_system & DEVICE_RIGHTS);
    if (r == 0)
        r = allow_all(ruleset, paths->write, rights.file_system & ~(uint64_t)NODE_RIGHTS);
    /* Else a script could fill the host's audit log with what it is refused. */
    const unsigned flags = abi >= ABI_LOG ? RESTRICT_SELF_LOG_SAME_EXEC_OFF : 0;
    if (r == 0 && syscall(SYS_landlock_restrict_self, ruleset, flags) < 0)
        r = -errno;
    close(ruleset);
    return r;
}
