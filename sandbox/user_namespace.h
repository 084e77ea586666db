/*
 * user_namespace: a user namespace of one's own, which gives the rights to make the other
 * namespaces where the process has them not. user_namespaces(7).
 */
#ifndef USER_NAMESPACE_H
#define USER_NAMESPACE_H

#include <sys/types.h>

enum user_namespace {
    USER_NAMESPACE_NONE,
    USER_NAMESPACE_RANGE,  /* every uid and gid below 65536 is itself: slots can have their own */
    USER_NAMESPACE_SINGLE, /* only one's own uid and gid */
};

/* Puts the calling process, which must have one thread and may be undumpable (it is again
 * afterwards as it was), into a new user namespace in which it has every capability. RANGE: needs
 * CAP_SETUID and CAP_SETGID; a helper process that stays outside writes the maps and is gone when
 * this returns. SINGLE: uid and gid are called inside_id there; setgroups is denied for good. NONE:
 * nothing happens. 0 or -errno; after a failure the process may be in a namespace without a map and
 * should leave. */
int user_namespace_enter(enum user_namespace kind, uid_t inside_id);

#endif
