/*
 * cgroup_tree: the instance's own directory, and what others have left beside it. Finding our own
 * cgroup is cgroup_find's.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cgroup.h"
#include "cgroup_files.h"
#include "cgroup_find.h"
#include "directory_lock.h"

#define SLOTS_MOST 1024
#define LOCK_TRIES 2000 /* milliseconds: one that was killed may be on its way out */
#define NAME_PREFIX "code-runner-"
#define DIRECTORY (O_RDONLY | O_DIRECTORY | O_CLOEXEC)

static const char *const controllers[CGROUP_KINDS] = {"memory", "pids", "cpu"};

/* Removes slot-0, slot-1, ... of our directory; those that are not there or not empty stay. */
static void remove_slots(int dir, unsigned slots) {
    char name[32];
    for (unsigned i = 0; i < slots; i++) {
        snprintf(name, sizeof(name), "slot-%u", i);
        unlinkat(dir, name, AT_REMOVEDIR);
    }
}

/* Removes what instances have left that were killed: whoever uses such a directory holds a lock on
 * it. */
static void sweep(int parent, const char *own) {
    int copy = openat(parent, ".", DIRECTORY);
    DIR *list = copy < 0 ? NULL : fdopendir(copy);
    for (struct dirent *entry; list && (entry = readdir(list));) {
        char number[16], rest;
        if (sscanf(entry->d_name, NAME_PREFIX "%15[0-9]%c", number, &rest) != 1 ||
            strcmp(entry->d_name, own) == 0)
            continue;
        int fd = openat(parent, entry->d_name, DIRECTORY);
        if (fd >= 0 && directory_lock(fd, parent, entry->d_name) == 0) {
            remove_slots(fd, SLOTS_MOST);
            unlinkat(parent, entry->d_name, AT_REMOVEDIR);
        }
        cgroup_close(&fd);
    }
    if (list)
        closedir(list);
}

/* The instance's own directory, locked. Between its making and its locking another instance may
 * take it for left behind. */
static int make_locked(int parent, const char *name) {
    for (int i = 0; i < LOCK_TRIES; i++) {
        int fd = cgroup_make_directory(parent, name);
        if (fd == -ENOENT)
            continue;
        if (fd < 0)
            return fd;
        /* Held until the descriptor is closed; the zygote's inits have copies only for a moment. */
        if (directory_lock(fd, parent, name) == 0)
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
    int leaf = cgroup_make_directory(own, "main");
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
        cgroup_close(&own);
        cgroup_close(&fd);
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
        cgroup_close(&tree->fds[kind]);
        cgroup_close(&tree->parent_fds[kind]);
    }
}
