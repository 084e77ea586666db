/* protocol: names of stages and layers, for people. */
#include "protocol.h"

#include <stdio.h>
#include <string.h>

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

void layer_name(unsigned layer, char *ret_name, size_t size) {
    const char *word = layer < LAYER_COUNT ? LAYER_WORDS : "unknown";
    for (unsigned i = 0; layer < LAYER_COUNT && i < layer; i++)
        word += strcspn(word, "|") + 1;
    snprintf(ret_name, size, "%.*s", (int)strcspn(word, "|"), word);
}
