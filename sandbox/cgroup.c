/*
 * cgroup: the tree and the slots in it. Finding our own cgroup is cgroup_find's, the limits' file
 * names are in cgroup_files.c.
 */
#include "cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cgroup_files.h"
#include "cgroup_find.h"

#define SLOTS_MOST 1024
#define LOCK_TRIES 2000 /* milliseconds: one that was killed may be on its way out */
#define NAME_PREFIX "code-runner-"
#define DIRECTORY (O_RDONLY | O_DIRECTORY | O_CLOEXEC)

static const char *const controllers[CGROUP_KINDS] = {"memory", "pids", "cpu"};

static void close_descriptor(int *fd) {
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* Removes slot-0, slot-1, ... of our directory; those that are not there or not empty stay. */
static void remove_slots(int dir, unsigned slots) {
    char name[32];
    for (unsigned i = 0; i < slots; i++) {
        snprintf(name, sizeof(name), "slot-%u", i);
        unlinkat(dir, name, AT_REMOVEDIR);
    }
}

/* Removes what instances have left that were killed: whoever uses such a directory holds a lock on
 * it. flock(2). */
static void sweep(int parent, const char *own) {
    int copy = openat(parent, ".", DIRECTORY);
    DIR *list = copy < 0 ? NULL : fdopendir(copy);
    for (struct dirent *entry; list && (entry = readdir(list));) {
        char number[16], rest;
        if (sscanf(entry->d_name, NAME_PREFIX "%15[0-9]%c", number, &rest) != 1 ||
            strcmp(entry->d_name, own) == 0)
            continue;
        int fd = openat(parent, entry->d_name, DIRECTORY);
        if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0) {
            remove_slots(fd, SLOTS_MOST);
            unlinkat(parent, entry->d_name, AT_REMOVEDIR);
        }
        close_descriptor(&fd);
    }
    if (list)
        closedir(list);
}

static int make_directory(int parent, const char *name) {
    if (mkdirat(parent, name, 0755) < 0 && errno != EEXIST)
        return -errno;
    int fd = openat(parent, name, DIRECTORY);
    return fd < 0 ? -errno : fd;
}

static bool is_named(int parent, const char *name, int fd) {
    struct stat named, own;
    return fstatat(parent, name, &named, AT_SYMLINK_NOFOLLOW) == 0 && fstat(fd, &own) == 0 &&
           named.st_ino == own.st_ino;
}

/* The instance's own directory, locked. Between its making and its locking another instance may
 * take it for left behind. */
static int make_locked(int parent, const char *name) {
    for (int i = 0; i < LOCK_TRIES; i++) {
        int fd = make_directory(parent, name);
        if (fd == -ENOENT)
            continue;
        if (fd < 0)
            return fd;
        /* Held until the descriptor is closed; the zygote's inits have copies only for a moment. */
        if (flock(fd, LOCK_EX | LOCK_NB) == 0 && is_named(parent, name, fd))
            return fd;
        close(fd);
        usleep(1000);
    }
    return -EAGAIN;
}

static int open_own(const char *controller) {
    char path[4096];
    FILE *mountinfo = fopen("/proc/self/mountinfo", "re"), *own = fopen("/proc/self/cgroup", "re");
    int r =
        mountinfo && own ? cgroup_find(mountinfo, own, controller, path, sizeof(path)) : -ENOENT;
    if (mountinfo)
        fclose(mountinfo);
    if (own)
        fclose(own);
    if (r < 0)
        return r;
    int fd = open(path, DIRECTORY);
    return fd < 0 ? -errno : fd;
}

/* Every process of our own cgroup goes into the leaf "main": in version 2 a cgroup that hands
 * controllers on holds none. */
static int move_into_leaf(int own) {
    int leaf = make_directory(own, "main");
    if (leaf < 0)
        return leaf;
    int procs = openat(own, "cgroup.procs", O_RDONLY | O_CLOEXEC);
    FILE *list = procs < 0 ? NULL : fdopen(procs, "r");
    char line[32];
    while (list && fgets(line, sizeof(line), list))
        cgroup_write(leaf, "cgroup.procs", line); /* it may have ended meanwhile */
    if (list)
        fclose(list);
    close(leaf);
    return 0;
}

static int create_v2(struct cgroup_tree *tree) {
    static const char enable[] = "+memory +pids +cpu";
    int own = open_own(NULL);
    if (own < 0)
        return own;
    int r = cgroup_write(own, "cgroup.subtree_control", enable);
    if (r == -EBUSY) {
        r = move_into_leaf(own);
        if (r == 0)
            r = cgroup_write(own, "cgroup.subtree_control", enable);
    }
    int fd = r < 0 ? r : make_locked(own, tree->name);
    if (fd >= 0)
        r = cgroup_write(fd, "cgroup.subtree_control", enable);
    if (fd < 0 || r < 0) {
        close_descriptor(&own);
        close_descriptor(&fd);
        return fd < 0 ? fd : r;
    }
    tree->version = 2;
    tree->parent_fds[0] = own;
    tree->fds[0] = fd;
    return 0;
}

static int create_v1(struct cgroup_tree *tree) {
    for (int kind = 0; kind < CGROUP_KINDS; kind++) {
        tree->parent_fds[kind] = open_own(controllers[kind]);
        if (tree->parent_fds[kind] < 0)
            return tree->parent_fds[kind];
        tree->fds[kind] = make_locked(tree->parent_fds[kind], tree->name);
        if (tree->fds[kind] < 0)
            return tree->fds[kind];
    }
    tree->version = 1;
    return 0;
}

int cgroup_tree_create(struct cgroup_tree *ret_tree, const char *name) {
    struct cgroup_tree tree = {.parent_fds = {-1, -1, -1}, .fds = {-1, -1, -1}};
    snprintf(tree.name, sizeof(tree.name), "%s", name);
    int r = create_v2(&tree);
    if (r < 0 && r != -EAGAIN)
        r = create_v1(&tree);
    if (r < 0) {
        cgroup_tree_remove(&tree, 0);
        tree.version = 0;
    }
    for (int kind = 0; kind < CGROUP_KINDS; kind++)
        if (tree.fds[kind] >= 0) {
            remove_slots(tree.fds[kind], SLOTS_MOST);
            sweep(tree.parent_fds[kind], name);
        }
    *ret_tree = tree;
    return r == -EAGAIN ? r : 0;
}

void cgroup_tree_sweep(const struct cgroup_tree *tree) {
    for (int kind = 0; kind < CGROUP_KINDS; kind++)
        if (tree->parent_fds[kind] >= 0)
            sweep(tree->parent_fds[kind], tree->name);
}

void cgroup_tree_remove(struct cgroup_tree *tree, unsigned slots) {
    for (int kind = 0; kind < CGROUP_KINDS; kind++) {
        if (tree->fds[kind] >= 0) { /* else it is not ours */
            remove_slots(tree->fds[kind], slots);
            unlinkat(tree->parent_fds[kind], tree->name, AT_REMOVEDIR);
        }
        close_descriptor(&tree->fds[kind]);
        close_descriptor(&tree->parent_fds[kind]);
    }
}

static int open_slot_files(const struct cgroup_tree *tree, const int dirs[CGROUP_KINDS],
                           struct cgroup_slot *slot) {
    bool v2 = tree->version == 2;
    /* A thread that moves itself by "tasks" does not take the lock that every fork and exit of the
     * machine shares, which costs milliseconds under load. Version 2 has no such file for a
     * process. */
    const char *joining = v2 ? "cgroup.procs" : "tasks";
    for (int kind = 0; kind < (v2 ? 1 : CGROUP_KINDS); kind++) {
        slot->procs_fds[kind] = openat(dirs[kind], joining, O_WRONLY | O_CLOEXEC);
        if (slot->procs_fds[kind] < 0)
            return -errno;
    }
    slot->directory_fd = fcntl(dirs[0], F_DUPFD_CLOEXEC, 0);
    if (slot->directory_fd < 0)
        return -errno;
    if (v2)
        slot->kill_fd = openat(dirs[0], "cgroup.kill", O_WRONLY | O_CLOEXEC);
    slot->limit_fd = openat(dirs[CGROUP_MEMORY], v2 ? "memory.max" : "memory.limit_in_bytes",
                            O_WRONLY | O_CLOEXEC);
    if (slot->limit_fd < 0)
        return -errno;
    if (!v2) {
        slot->swap_limit_fd =
            openat(dirs[CGROUP_MEMORY], "memory.memsw.limit_in_bytes", O_WRONLY | O_CLOEXEC);
        if (slot->swap_limit_fd < 0 && errno != ENOENT) /* swap accounting is off */
            return -errno;
    }
    slot->events_fd = openat(dirs[CGROUP_MEMORY], v2 ? "memory.events" : "memory.oom_control",
                             O_RDONLY | O_CLOEXEC);
    if (slot->events_fd < 0)
        return -errno;
    slot->peak_fd = openat(dirs[CGROUP_MEMORY], v2 ? "memory.peak" : "memory.max_usage_in_bytes",
                           O_RDWR | O_CLOEXEC);
    if (slot->peak_fd < 0) /* before 6.12 it can only be read, before 5.19 version 2 has none */
        slot->peak_fd = openat(dirs[CGROUP_MEMORY], "memory.peak", O_RDONLY | O_CLOEXEC);
    struct cgroup_usage ignored;
    return cgroup_slot_usage(slot, &ignored);
}

int cgroup_slot_create(const struct cgroup_tree *tree, unsigned index,
                       const struct cgroup_limits *limits, struct cgroup_slot *ret_slot) {
    struct cgroup_slot slot = {.procs_fds = {-1, -1, -1},
                               .directory_fd = -1,
                               .kill_fd = -1,
                               .limit_fd = -1,
                               .swap_limit_fd = -1,
                               .events_fd = -1,
                               .peak_fd = -1};
    int dirs[CGROUP_KINDS] = {-1, -1, -1}, r = 0;
    char name[32];
    snprintf(name, sizeof(name), "slot-%u", index);
    for (int kind = 0; kind < CGROUP_KINDS && r >= 0; kind++)
        if (tree->fds[kind] >= 0)
            r = dirs[kind] = make_directory(tree->fds[kind], name);
    if (r >= 0 && tree->version == 2)
        r = cgroup_v2_write_limits(dirs[0], limits);
    else if (r >= 0 && tree->version == 1)
        r = cgroup_v1_write_limits(dirs, limits);
    if (r >= 0 && tree->version)
        r = open_slot_files(tree, dirs, &slot);
    for (int kind = 0; kind < CGROUP_KINDS; kind++)
        close_descriptor(&dirs[kind]);
    if (r < 0)
        return r;
    *ret_slot = slot;
    return 0;
}

int cgroup_slot_join(const struct cgroup_slot *slot) {
    for (int kind = 0; kind < CGROUP_KINDS; kind++)
        if (slot->procs_fds[kind] >= 0 && write(slot->procs_fds[kind], "0", 1) != 1)
            return -errno;
    return 0;
}

void cgroup_slot_close(struct cgroup_slot *slot) {
    for (int kind = 0; kind < CGROUP_KINDS; kind++)
        close_descriptor(&slot->procs_fds[kind]);
    close_descriptor(&slot->directory_fd);
    close_descriptor(&slot->kill_fd);
    close_descriptor(&slot->limit_fd);
    close_descriptor(&slot->swap_limit_fd);
    close_descriptor(&slot->events_fd);
    close_descriptor(&slot->peak_fd);
}

/* Opened anew each time: version 1 answers a second read by the same descriptor from a list of up
 * to a second ago. The text's size or -errno, -E2BIG if it does not fit. */
static ssize_t read_members(const struct cgroup_slot *slot, char *ret_text, size_t size) {
    int fd = openat(slot->directory_fd, "cgroup.procs", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    ssize_t r = read(fd, ret_text, size);
    r = r < 0 ? -errno : (size_t)r == size ? -E2BIG : r;
    close(fd);
    if (r >= 0)
        ret_text[r] = 0;
    return r;
}

int cgroup_slot_kill(const struct cgroup_slot *slot) {
    char before[4096] = "", now[4096] = "";
    if (slot->directory_fd < 0)
        return -ENOSYS;
    if (slot->kill_fd >= 0 && pwrite(slot->kill_fd, "1", 1, 0) == 1)
        return 0;
    /* A process with a SIGKILL pending makes no others: once the list stays the same, it is whole.
     */
    for (int round = 0; round < 16; round++) {
        ssize_t size = read_members(slot, now, sizeof(now));
        if (size < 0)
            return (int)size;
        if (strcmp(now, before) == 0)
            return 0;
        for (char *line = now, *end; *line; line = *end ? end + 1 : end) {
            long pid = strtol(line, &end, 10);
            if (pid > 1)
                kill((pid_t)pid, SIGKILL);
        }
        memcpy(before, now, sizeof(before));
    }
    return -EAGAIN;
}

int cgroup_slot_usage(struct cgroup_slot *slot, struct cgroup_usage *ret_usage) {
    struct cgroup_usage usage = {0};
    char text[512];
    if (slot->events_fd < 0) {
        *ret_usage = usage;
        return 0;
    }
    ssize_t size = pread(slot->events_fd, text, sizeof(text) - 1, 0);
    if (size < 0)
        return -errno;
    text[size] = 0;
    const char *count = strstr(text, "oom_kill ");
    uint64_t kills = count ? strtoull(count + strlen("oom_kill "), NULL, 10) : 0;
    usage.out_of_memory = kills != slot->oom_kills;
    slot->oom_kills = kills;
    size = slot->peak_fd < 0 ? 0 : pread(slot->peak_fd, text, sizeof(text) - 1, 0);
    if (size > 0) {
        text[size] = 0;
        usage.peak_bytes = strtoull(text, NULL, 10);
        if (pwrite(slot->peak_fd, "0", 1, 0) <
            0) /* cannot be set back: it would tell of runs before */
            usage.peak_bytes = 0;
    }
    *ret_usage = usage;
    return 0;
}
