/*
 * plan: which layers hold in this environment, and which fallback stands for a missing one. Found
 * once by trying (plan_probe.c), then followed by zygote and workers exactly: a step of the plan
 * that fails later is an error, never a reason to go on without it.
 */
#ifndef PLAN_H
#define PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "protocol.h"
#include "user_namespace.h"

enum plan_proc {
    PROC_OUTSIDE, /* the /proc that is there; Landlock, where there is one, leaves a worker its own
                   */
    PROC_NONE,    /* the private root has an empty /proc: mounting a fresh one is refused */
    PROC_FRESH,   /* of the worker's pid namespace */
    PROC_SUBSET,  /* the same, processes only (subset=pid) */
};

enum plan_network {
    NETWORK_OUTSIDE, /* no namespace: socket() is refused all the same */
    NETWORK_SHARED,  /* one empty namespace for all workers */
    NETWORK_SLOT,    /* an empty one for each slot */
};

struct plan {
    enum user_namespace user_namespace;
    bool pid_namespace;
    int slot_namespaces;   /* CLONE_NEW* that are made once for each slot: net, ipc, uts */
    int worker_namespaces; /* that a worker unshares: mnt, cgroup, and what a slot cannot have */
    bool host_name; /* may be set in a uts namespace of one's own (podman's filter refuses it) */
    enum plan_network network;
    bool private_root;
    enum plan_proc proc;
    bool keeper; /* without a pid namespace: what a script leaves behind can be found and ended */
    bool unique_uid;   /* a uid for each slot, which is neither root's nor the server's */
    bool bounding_set; /* can be emptied; where not, no_new_privs alone keeps it from mattering */
    bool yields;       /* without a cgroup: scripts run when nothing else wants to (SCHED_IDLE) */
    uint32_t missing_rlimits; /* bits 1 << RLIMIT_..., of rlimits_optional */
    int cgroup_version;       /* 0: rlimits and the watchdog */
    int landlock_abi;         /* 0: none */
};

struct config;

/* Tries each alternative whole in a throw-away child, best first. 0 with the plan, or -errno with a
 * line for a person in error. Blocks for some ten milliseconds. The calling process is unchanged.
 * cgroup_version stays 0: what made it knows. */
int plan_probe(const struct config *config, struct plan *ret_plan, char *error, size_t error_size);

/* The layers (enum sandbox_layer, bits 1 << layer) that this plan has. */
uint32_t plan_layers(const struct plan *plan);

/* 0 if all that must hold everywhere holds and nothing is missing that --require names; else
 * -ENOTSUP with the missing layer's name in error. */
int plan_check(const struct plan *plan, const struct config *config, char *error,
               size_t error_size);

/* What follows from it. */
bool plan_unix_sockets(const struct plan *plan);   /* names of AF_UNIX are private to a worker */
bool plan_kill_filter(const struct plan *plan);    /* only a filter keeps signals from others */
bool plan_loose_truncate(const struct plan *plan); /* ... and files from being truncated */

/* The table of --check: a row a layer, what holds, what stands for it where it does not. */
void plan_print(const struct plan *plan, FILE *file);

#endif
