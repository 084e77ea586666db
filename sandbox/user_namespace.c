/* user_namespace: unshare, and the files below /proc that give the new namespace its ids. Must not
 * leave the process more dumpable than it was. */
#include "user_namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define RANGE_IDS 65536U
#define MAP_BYTES 4096 /* the kernel takes no longer map */

struct maps {
    char uid[MAP_BYTES], gid[MAP_BYTES];
};

static int write_file(int dir, const char *name, const char *text) {
    int fd = openat(dir, name, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    ssize_t written = write(fd, text, strlen(text)); /* the kernel wants a map in one piece */
    int error = errno;
    close(fd);
    return written < 0 ? -error : 0;
}

static int read_file(int dir, const char *name, char *text, size_t size) {
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    size_t used = 0;
    ssize_t got = 0;
    while (used < size - 1 && (got = read(fd, text + used, size - 1 - used)) > 0)
        used += (size_t)got;
    int error = errno;
    close(fd);
    if (got < 0)
        return -error;
    text[used] = '\0';
    return used < size - 1 ? 0 : -E2BIG;
}

/* The end of the extent of a map (as /proc shows it) that has id in it; id itself: none has. */
static uint64_t extent_end(const char *map, uint64_t id) {
    uint64_t inside, outside, count;
    while (sscanf(map, "%" SCNu64 " %" SCNu64 " %" SCNu64, &inside, &outside, &count) == 3) {
        if (inside <= id && id < inside + count)
            return inside + count;
        map = strchr(map, '\n');
        if (map == NULL)
            break;
        map++;
    }
    return id;
}

/* The text of a map in which every id below RANGE_IDS is itself. The namespace that we are in may
 * have these ids in pieces (rootless podman), and the kernel takes no line that spans two of its
 * extents. -EPERM: some id is missing. */
static int identity_map(int self, const char *name, char *map, size_t size) {
    char own[MAP_BYTES];
    int r = read_file(self, name, own, sizeof(own));
    if (r < 0)
        return r;
    size_t used = 0;
    for (uint64_t id = 0, end; id < RANGE_IDS; id = end) {
        end = extent_end(own, id);
        if (end == id)
            return -EPERM;
        if (end > RANGE_IDS)
            end = RANGE_IDS;
        int length = snprintf(map + used, size - used, "%" PRIu64 " %" PRIu64 " %" PRIu64 "\n", id,
                              id, end - id);
        if (length < 0 || (size_t)length >= size - used)
            return -E2BIG;
        used += (size_t)length;
    }
    return 0;
}

/* A process in its own namespace may not give it more than one id: this one stays outside. Its word
 * comes by the socket, not as an exit status: that is lost where SIGCHLD is ignored. */
static _Noreturn void helper_main(int socket, int caller, const struct maps *maps) {
    char go;
    if (recv(socket, &go, 1, 0) == 1) {
        int r = write_file(caller, "uid_map", maps->uid);
        if (r == 0)
            r = write_file(caller, "gid_map", maps->gid);
        send(socket, &r, sizeof(r), MSG_NOSIGNAL);
    }
    _exit(0);
}

static int ask_helper(int socket) {
    int answer;
    if (send(socket, "", 1, MSG_NOSIGNAL) != 1)
        return -errno;
    if (recv(socket, &answer, sizeof(answer), MSG_WAITALL) != (ssize_t)sizeof(answer))
        return -EPIPE;
    return answer;
}

/* What an undumpable process has below /proc belongs to root outside and is closed to its own
 * namespace. Never 2 ("suidsafe"): that cannot be set, and 0 is as closed. */
static int set_dumpable(int dumpable) {
    return prctl(PR_SET_DUMPABLE, dumpable == 1 ? 1 : 0, 0, 0, 0) < 0 ? -errno : 0;
}

/* Unshares and has the maps written: by the helper behind the socket, or, where there is none, by
 * us, each of one line. Dumpable for no longer than that. */
static int unshare_and_map(int self, int socket, const struct maps *single) {
    int dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
    if (dumpable < 0 || unshare(CLONE_NEWUSER) < 0)
        return -errno;
    int r = set_dumpable(1);
    if (r == 0 && single == NULL) {
        r = ask_helper(socket);
    } else if (r == 0) {
        r = write_file(self, "setgroups", "deny");
        if (r == 0 || r == -ENOENT) /* old gVisor has no such file and asks for none */
            r = write_file(self, "uid_map", single->uid);
        if (r == 0)
            r = write_file(self, "gid_map", single->gid);
    }
    int restored = set_dumpable(dumpable);
    return r < 0 ? r : restored;
}

static int enter_single(int self, uid_t inside_id) {
    struct maps maps;
    snprintf(maps.uid, sizeof(maps.uid), "%u %u 1\n", inside_id, geteuid());
    snprintf(maps.gid, sizeof(maps.gid), "%u %u 1\n", inside_id, getegid());
    return unshare_and_map(self, -1, &maps);
}

static int enter_range(int self) {
    struct maps maps;
    int pair[2];
    int r = identity_map(self, "uid_map", maps.uid, sizeof(maps.uid));
    if (r == 0)
        r = identity_map(self, "gid_map", maps.gid, sizeof(maps.gid));
    if (r < 0)
        return r;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return -errno;
    pid_t helper = fork(); /* before unshare: it must stay outside */
    r = helper < 0 ? -errno : 0;
    if (helper == 0) {
        close(pair[0]); /* else it would not see that we died */
        helper_main(pair[1], self, &maps);
    }
    close(pair[1]);
    if (r == 0)
        r = unshare_and_map(self, pair[0], NULL);
    close(pair[0]); /* the helper leaves now at the latest */
    while (helper > 0 && waitpid(helper, NULL, 0) < 0 && errno == EINTR)
        ;
    return r;
}

int user_namespace_enter(enum user_namespace kind, uid_t inside_id) {
    if (kind == USER_NAMESPACE_NONE)
        return 0;
    /* A descriptor: the helper needs no number of ours, which this /proc may not know. */
    int self = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (self < 0)
        return -errno;
    int r = kind == USER_NAMESPACE_RANGE ? enter_range(self) : enter_single(self, inside_id);
    close(self);
    return r;
}
