/* protocol: names of the stages, for people. */
#include "protocol.h"

const char *stage_name(unsigned stage) {
    static const char *const names[STAGE_COUNT] = {
        [STAGE_NONE] = "none",
        [STAGE_SPAWN] = "spawn",
        [STAGE_SESSION] = "session",
        [STAGE_LIMITS] = "limits",
        [STAGE_CGROUP] = "cgroup",
        [STAGE_NAMESPACES] = "namespaces",
        [STAGE_MOUNTS] = "mounts",
        [STAGE_IDENTITY] = "identity",
        [STAGE_DESCRIPTORS] = "descriptors",
        [STAGE_LANDLOCK] = "landlock",
        [STAGE_SECCOMP] = "seccomp",
        [STAGE_INTERPRETER] = "interpreter",
    };
    return stage < STAGE_COUNT ? names[stage] : "unknown";
}
