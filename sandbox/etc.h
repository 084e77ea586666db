/* etc: the few entries of /etc that Python and its libraries read, in the new root that is the
 * working directory. */
#ifndef ETC_H
#define ETC_H

#include <sys/types.h>

/* Makes ./etc: bind mounts of what the host has, our own passwd, group, hosts, nsswitch.conf. 0 or
 * -errno. */
int etc_make(uid_t first_uid, unsigned uids);

/* Of mounts.c: binds source (file or directory) over target, read-only. 0 or -errno. */
int mounts_bind_read_only(const char *source, const char *target);

#endif
