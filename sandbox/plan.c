/* plan: what follows from what was found; pure but for printing. */
#include "plan.h"

#include <errno.h>
#include <sched.h>

#include "config.h"

#define BIT(layer) (UINT32_C(1) << (layer))
#define LANDLOCK_ABI_TRUNCATE 3
#define LANDLOCK_ABI_SCOPES 6

bool plan_kill_filter(const struct plan *plan) {
    return !plan->pid_namespace && !plan->unique_uid;
}

bool plan_unix_sockets(const struct plan *plan) {
    return plan->private_root &&
           (plan->network == NETWORK_SLOT || plan->landlock_abi >= LANDLOCK_ABI_SCOPES);
}

bool plan_loose_truncate(const struct plan *plan) {
    return !plan->private_root && plan->landlock_abi > 0 &&
           plan->landlock_abi < LANDLOCK_ABI_TRUNCATE;
}

uint32_t plan_layers(const struct plan *plan) {
    const int namespaces = plan->slot_namespaces | plan->worker_namespaces;
    const bool has[LAYER_COUNT] = {
        [LAYER_NAMESPACES] =
            plan->pid_namespace && (namespaces & CLONE_NEWIPC) && (namespaces & CLONE_NEWUTS),
        [LAYER_NETWORK_NAMESPACE] = plan->network != NETWORK_OUTSIDE,
        [LAYER_PRIVATE_ROOT] = plan->private_root,
        [LAYER_PRIVATE_PROC] = plan->proc != PROC_OUTSIDE || plan->landlock_abi > 0,
        [LAYER_UNIQUE_UID] = plan->unique_uid,
        [LAYER_CGROUP] = plan->cgroup_version > 0,
        [LAYER_LANDLOCK] = plan->landlock_abi > 0,
        [LAYER_LANDLOCK_SCOPES] = plan->landlock_abi >= LANDLOCK_ABI_SCOPES,
        [LAYER_SECCOMP] = true,
        [LAYER_NO_NEW_PRIVILEGES] = true,
        [LAYER_WATCHDOG] = plan->cgroup_version == 0,
        [LAYER_KILL_FILTER] = plan_kill_filter(plan),
        [LAYER_FILE_MODES] = !plan->private_root && !plan->landlock_abi && plan->unique_uid,
    };
    uint32_t layers = 0;
    for (unsigned layer = 0; layer < LAYER_COUNT; layer++)
        if (has[layer])
            layers |= BIT(layer);
    return layers;
}

int plan_check(const struct plan *plan, const struct config *config, char *error,
               size_t error_size) {
    uint32_t layers = plan_layers(plan), missing = (uint32_t)config->require & ~layers;
    if (!(layers & (BIT(LAYER_PRIVATE_ROOT) | BIT(LAYER_LANDLOCK) | BIT(LAYER_FILE_MODES)))) {
        snprintf(error, error_size,
                 "nothing would keep a script from the files here: no private-root (no right to "
                 "mount), no landlock (not in this kernel), no unique-uid (not root)");
        return -ENOTSUP;
    }
    if (!plan->pid_namespace && !plan->keeper) {
        snprintf(
            error, error_size,
            "nothing would end what a script leaves behind: no namespaces, and this kernel gives "
            "no orphans to their ancestor (PR_SET_CHILD_SUBREAPER)");
        return -ENOTSUP;
    }
    if (missing) {
        char name[LAYER_NAME_SIZE];
        layer_name((unsigned)__builtin_ctz(missing), name, sizeof(name));
        snprintf(error, error_size, "--require: the layer %s does not hold here (see --check)",
                 name);
        return -ENOTSUP;
    }
    return 0;
}

/* What a person should know about a layer here. */
static const char *remark(const struct plan *plan, enum sandbox_layer layer) {
    switch (layer) {
    case LAYER_NAMESPACES:
        return plan->pid_namespace ? plan->user_namespace ? "in a user namespace" : ""
               : plan->unique_uid  ? "else: unique uid, and kill(-1) as that uid at the end"
                                   : "else: a filter on kill; a run is ended as its process group";
    case LAYER_NETWORK_NAMESPACE:
        return plan->network == NETWORK_SLOT     ? "an empty one for each slot"
               : plan->network == NETWORK_SHARED ? "an empty one for all slots"
                                                 : "socket() is refused all the same";
    case LAYER_PRIVATE_ROOT:
        return plan->private_root       ? ""
               : plan->landlock_abi > 0 ? "else: Landlock's rules on the files here"
                                        : "else: the modes of the files here";
    case LAYER_PRIVATE_PROC:
        return plan->proc == PROC_NONE      ? "none at all: it cannot be mounted here"
               : plan->proc != PROC_OUTSIDE ? ""
               : plan->landlock_abi > 0     ? "its own entry, by Landlock"
                                            : "other processes can be listed, not read";
    case LAYER_UNIQUE_UID:
        return plan->unique_uid ? "" : "all scripts have the service's uid";
    case LAYER_CGROUP:
        return plan->cgroup_version == 1   ? "version 1"
               : plan->cgroup_version == 2 ? "version 2"
                                           : "else: rlimits and the watchdog";
    case LAYER_LANDLOCK_SCOPES:
        return plan->landlock_abi > 0 && plan->landlock_abi < LANDLOCK_ABI_SCOPES
                   ? "needs Landlock ABI 6, Linux 6.12"
                   : "";
    default:
        return "";
    }
}

void plan_print(const struct plan *plan, FILE *file) {
    uint32_t layers = plan_layers(plan);
    for (unsigned layer = 0; layer < LAYER_COUNT; layer++) {
        char name[LAYER_NAME_SIZE];
        const char *text = remark(plan, (enum sandbox_layer)layer);
        /* What stands for another is of interest only where it does. */
        if (layer >= LAYER_WATCHDOG && !(layers & BIT(layer)))
            continue;
        layer_name(layer, name, sizeof(name));
        fprintf(file, "  %-19s %-3s", name, layers & BIT(layer) ? "yes" : "no");
        if (layer == LAYER_LANDLOCK && plan->landlock_abi > 0)
            fprintf(file, "  ABI %d", plan->landlock_abi);
        else if (*text)
            fprintf(file, "  %s", text);
        fputc('\n', file);
    }
}
