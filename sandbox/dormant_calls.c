/* dormant_calls: see dormant_calls.h. A library is looked at first, and then changed. */
#include "dormant_calls.h"

#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dormant_calls_stubs.h"
#include "dormant_imports.h"

#define SLOTS_MOST 1024

#if defined(__x86_64__)
#define R_CALL R_X86_64_JUMP_SLOT
#define R_ADDRESS R_X86_64_GLOB_DAT
#define R_WORD R_X86_64_64
#elif defined(__aarch64__)
#define R_CALL R_AARCH64_JUMP_SLOT
#define R_ADDRESS R_AARCH64_GLOB_DAT
#define R_WORD R_AARCH64_ABS64
#else
#error "dormant_calls.c: add this processor"
#endif

struct slot {
    unsigned long *at;
    size_t stub;      /* its number: dormant_calls_functions has what the slot held */
    bool is_readonly; /* the loader made it so (RELRO) */
};

static struct slot slots[SLOTS_MOST];
static size_t slot_count, stub_count;

bool dormant_calls_asleep;
unsigned long dormant_calls_functions[DORMANT_STUBS];

/* A library that is being looked at. */
struct look {
    const struct dl_phdr_info *library;
    unsigned long start, end;
    bool may_sleep; /* nothing speaks against it so far */
};

/* The stub of a function, a new one if need be; -1: there is no room. */
static int stub_for(unsigned long function) {
    size_t i = 0;
    while (i < stub_count && dormant_calls_functions[i] != function)
        i++;
    if (i == DORMANT_STUBS)
        return -1;
    dormant_calls_functions[i] = function;
    stub_count += i == stub_count;
    return (int)i;
}

static bool is_stub(unsigned long address) {
    return address - (unsigned long)dormant_calls_stubs < sizeof(dormant_calls_stubs);
}

/* Whole pages, rounded as the loader does. */
static bool is_relro(const struct dl_phdr_info *library, unsigned long address) {
    const unsigned long mask = ~((unsigned long)getpagesize() - 1);
    for (unsigned i = 0; i < library->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &library->dlpi_phdr[i];
        const unsigned long start = library->dlpi_addr + segment->p_vaddr;
        if (segment->p_type == PT_GNU_RELRO && address >= (start & mask) &&
            address < ((start + segment->p_memsz) & mask))
            return true;
    }
    return false;
}

/* Whether the whole word is in a segment that is writable but for RELRO. */
static bool is_data(const struct dl_phdr_info *library, unsigned long address) {
    for (unsigned i = 0; i < library->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &library->dlpi_phdr[i];
        const unsigned long start = library->dlpi_addr + segment->p_vaddr;
        if (segment->p_type == PT_LOAD && (segment->p_flags & PF_W) && address >= start &&
            address + sizeof(unsigned long) <= start + segment->p_memsz)
            return true;
    }
    return false;
}

/* Whether a stub may stand in the slot for what is in it. */
static bool can_change(const struct look *look, const struct dormant_import *import) {
    if (import->type != R_CALL && import->type != R_ADDRESS && import->type != R_WORD)
        return false;
    if (import->more != 0 || import->slot % sizeof(unsigned long) != 0 ||
        !is_data(look->library, import->slot))
        return false;
    const unsigned long function = *(const unsigned long *)import->slot;
    return !is_stub(function) && (function < look->start || function >= look->end);
}

/* A slot that is no call's is where the library takes the function's address. */
static bool look_at_slot(const struct dormant_import *import, void *context) {
    struct look *look = context;
    look->may_sleep &= !import->is_unseen;
    if (!import->is_kernel_write)
        return true;
    const bool can = can_change(look, import) && slot_count < SLOTS_MOST;
    unsigned long *at = (unsigned long *)import->slot; /* NOLINT(performance-no-int-to-ptr) */
    if (can && *at == 0)
        return true; /* a weak symbol that nobody has: never called */
    const int stub = can ? stub_for(*at) : -1;
    look->may_sleep &= stub >= 0 && import->type == R_CALL;
    if (stub >= 0)
        slots[slot_count++] =
            (struct slot){at, (size_t)stub, is_relro(look->library, import->slot)};
    return true;
}

/* Never writable and executable: it has no code. */
static bool write_slot(const struct slot *slot, unsigned long value) {
    const unsigned long page_bytes = (unsigned long)getpagesize();
    void *page = (void *)((unsigned long)slot->at & ~(page_bytes - 1));
    if (slot->is_readonly && mprotect(page, page_bytes, PROT_READ | PROT_WRITE) < 0)
        return false;
    *slot->at = value;
    return !slot->is_readonly || mprotect(page, page_bytes, PROT_READ) == 0;
}

/* From the last to the first. */
static void undo_to(size_t count) {
    while (slot_count > count) {
        const struct slot *slot = &slots[--slot_count];
        if (*slot->at != dormant_calls_functions[slot->stub])
            write_slot(slot, dormant_calls_functions[slot->stub]);
    }
}

bool dormant_calls_redirect(const struct dl_phdr_info *library, unsigned long start,
                            unsigned long end) {
    struct look look = {library, start, end, true};
    const size_t first_slot = slot_count, stubs = stub_count;
    bool is_done = dormant_imports_visit(library, look_at_slot, &look);
    for (size_t i = first_slot; is_done && i < slot_count; i++)
        is_done = write_slot(&slots[i], (unsigned long)dormant_calls_stubs[slots[i].stub]);
    if (!is_done) {
        undo_to(first_slot);
        stub_count = stubs;
    }
    return is_done && look.may_sleep;
}

void dormant_calls_undo(void) {
    undo_to(0);
    stub_count = 0;
}
