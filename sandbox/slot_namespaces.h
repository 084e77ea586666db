/*
 * slot_namespaces: the namespaces that are made once for each slot and joined by its workers, one
 * after the other: network, ipc, uts. Making one costs a run more than all of its other isolation,
 * and in these nothing can be left behind: socket(), SysV ipc and mq_* are refused, and nobody in
 * one may set a host name. namespaces(7), setns(2).
 */
#ifndef SLOT_NAMESPACES_H
#define SLOT_NAMESPACES_H

#include <stdbool.h>

#define SLOT_NAMESPACES_MOST 3

struct slot_namespaces {
    int fds[SLOT_NAMESPACES_MOST]; /* -1: not one of these; they close with an exec */
};

/* Makes those of flags (CLONE_NEWNET, CLONE_NEWIPC, CLONE_NEWUTS), this one with the host name
 * "sandbox" if host_name. The calling process is in them afterwards and must unshare the same flags
 * once more when it has made all. 0 or -errno. */
int slot_namespaces_make(int flags, bool host_name, struct slot_namespaces *ret_namespaces);

/* In a worker. 0 or -errno. */
int slot_namespaces_enter(const struct slot_namespaces *namespaces);

#endif
