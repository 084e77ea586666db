/* slot: making one; what happens on it is init.c's, worker.c's and zygote.c's. */
#include "slot.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mounts.h"
#include "sandbox.h"

/* Enough of one processor that no script can take the machine from the others. */
#define CPU_PERCENT 100

/* Lies where a stack ends, as long as nobody has gone further. */
#define STACK_END UINT64_C(0x5da6c3e1b7f20984)

static uint64_t *stack_end(const struct slot *slot) {
    return (uint64_t *)((char *)slot->init_stack_top - INIT_STACK_BYTES);
}

int slots_reserve(unsigned count, struct slot **ret_slots) {
    const size_t guard_bytes = (size_t)getpagesize(),
                 stack_bytes = (size_t)count * INIT_STACK_BYTES;
    char *memory = mmap(NULL, guard_bytes + stack_bytes + count * sizeof(struct slot),
                        PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (memory == MAP_FAILED || mprotect(memory, guard_bytes, PROT_NONE) < 0)
        return -errno;
    *ret_slots = (struct slot *)(memory + guard_bytes + stack_bytes);
    for (unsigned i = 0; i < count; i++) {
        (*ret_slots)[i].init_stack_top = memory + guard_bytes + (size_t)(i + 1) * INIT_STACK_BYTES;
        *stack_end(&(*ret_slots)[i]) = STACK_END;
    }
    return 0;
}

bool slot_stack_is_whole(const struct slot *slot) {
    return *stack_end(slot) == STACK_END;
}

int slot_create(struct slot *ret_slot, const struct sandbox *sandbox, unsigned index) {
    const struct config *config = sandbox->config;
    const struct cgroup_limits limits = {.memory_bytes = config->memory_mb << 20,
                                         .processes = config->processes,
                                         .cpu_percent = CPU_PERCENT};
    struct slot slot = {
        .sandbox = sandbox, .index = index, .init_stack_top = ret_slot->init_stack_top};
    slot.memory_bytes = limits.memory_bytes;
    slot.uid = sandbox_slot_uid(sandbox, index);
    int r = cgroup_slot_create(&sandbox->cgroups, index, &limits, &slot.cgroup);
    if (r == 0)
        r = slot_namespaces_make(sandbox->plan.slot_namespaces, sandbox->plan.host_name,
                                 &slot.namespaces);
    if (r == 0)
        r = mounts_scratch_options(slot.uid, config->scratch_mb << 20, slot.scratch_options,
                                   sizeof(slot.scratch_options));
    if (r < 0)
        return r;
    *ret_slot = slot;
    return 0;
}

int slot_limit_memory(struct slot *slot, uint64_t memory_bytes) {
    if (memory_bytes == slot->memory_bytes)
        return 0;
    if (memory_bytes > slot->sandbox->config->memory_mb << 20)
        return -ERANGE;
    int r = cgroup_slot_limit(&slot->cgroup, memory_bytes, memory_bytes < slot->memory_bytes);
    /* Not known: the next call must write it, as if it were raised. */
    slot->memory_bytes = r < 0 ? 0 : memory_bytes;
    return r;
}

int slot_make_scratch(struct slot *slot) {
    const struct sandbox *sandbox = slot->sandbox;
    const char *tmp = sandbox->plan.private_root ? "" : slot->scratch;
    int r = places_make_scratch(&sandbox->places, &sandbox->plan, slot->index, slot->uid,
                                slot->scratch, sizeof(slot->scratch));
    if (r < 0)
        return r;
    const size_t size = sizeof(slot->variables[0]);
    snprintf(slot->variables[0], size, "HOME=%s/home", slot->scratch);
    snprintf(slot->variables[1], size, "MPLCONFIGDIR=%s/home", slot->scratch);
    snprintf(slot->variables[2], size, "TMPDIR=%s/tmp", tmp);
    return 0;
}
