/* zygotes: which there are, and which range of uids is whose. When another one is wanted is the
 * monitor's and the server's business. */
#include "zygotes.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control.h"

#define REPLACED (CONFIG_UID_RANGES - 1)

/* What the zygote's side may know of the operator's environment: nothing. */
static char *const environment[] = {"PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8", NULL};

/* Its users and its cgroup are those of a zygote that is still there. */
static bool is_taken(const struct zygotes *zygotes, uint64_t generation) {
    for (int i = 0; i < REPLACED; i++)
        if (zygotes->replaced[i].pid &&
            zygotes->replaced[i].generation % CONFIG_UID_RANGES == generation % CONFIG_UID_RANGES)
            return true;
    return false;
}

int zygotes_start(struct zygotes *zygotes, int control) {
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return -errno;
    /* There are more ranges than there can be others. */
    do
        zygotes->config->generation++;
    while (is_taken(zygotes, zygotes->config->generation));
    int r = child_start(&zygotes->newest, zygotes->config, zygotes->program, environment, pair[1]);
    /* Should the server not have it, the zygote reads end of file and leaves. */
    if (r == 0)
        (void)control_send_zygote(control, pair[0]);
    close(pair[0]);
    close(pair[1]);
    return r;
}

bool zygotes_replace(struct zygotes *zygotes) {
    if (!zygotes->newest.pid)
        return false;
    zygotes_end_replaced_by(zygotes, child_now_ms() + ZYGOTES_LEAVING_MS);
    for (int i = 0; i < REPLACED; i++)
        if (!zygotes->replaced[i].pid) {
            zygotes->replaced[i] = zygotes->newest;
            zygotes->newest.pid = 0;
            return true;
        }
    return false;
}

int zygotes_ended(struct zygotes *zygotes, pid_t pid) {
    if (pid == zygotes->newest.pid) {
        child_ended(&zygotes->newest);
        return 1;
    }
    for (int i = 0; i < REPLACED; i++)
        if (pid == zygotes->replaced[i].pid) {
            zygotes->replaced[i].pid = 0;
            return 0;
        }
    return -ESRCH;
}

bool zygotes_any(const struct zygotes *zygotes) {
    bool any = zygotes->newest.pid != 0;
    for (int i = 0; i < REPLACED; i++)
        any = any || zygotes->replaced[i].pid;
    return any;
}

void zygotes_end_replaced_by(struct zygotes *zygotes, int64_t at_ms) {
    for (int i = 0; i < REPLACED; i++)
        child_end_by(&zygotes->replaced[i], at_ms);
}

void zygotes_end_by(struct zygotes *zygotes, int64_t at_ms) {
    child_end_by(&zygotes->newest, at_ms);
    zygotes_end_replaced_by(zygotes, at_ms);
}

void zygotes_kill_replaced(struct zygotes *zygotes) {
    for (int i = 0; i < REPLACED; i++)
        child_kill(&zygotes->replaced[i]);
}

int64_t zygotes_kill_due(struct zygotes *zygotes) {
    int64_t next_ms = child_kill_due(&zygotes->newest);
    for (int i = 0; i < REPLACED; i++) {
        int64_t at_ms = child_kill_due(&zygotes->replaced[i]);
        next_ms = at_ms < next_ms ? at_ms : next_ms;
    }
    return next_ms;
}
