/* dormant: see dormant.h. From the handler on, system calls only. */
#include "dormant.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "dormant_calls.h"
#include "dormant_find.h"
#include "dormant_signals.h"
#include "raw_syscall.h"

#define PARTS_MOST 4096

static struct dormant_part parts[PARTS_MOST];
static size_t part_count;
static bool is_watched; /* the handler is there */
static bool has_slept;

const struct dormant_part *dormant_after(unsigned long address) {
    size_t low = 0, high = part_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (parts[middle].end <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return low < part_count ? &parts[low] : NULL;
}

static bool wake_part(const struct dormant_part *part) {
    return part->kind == DORMANT_DATA &&
           raw_syscall(SYS_mprotect, (long)part->start, (long)(part->end - part->start),
                       PROT_READ | PROT_WRITE, 0) == 0;
}

bool dormant_wake(unsigned long start, unsigned long end) {
    bool woken = false;
    const struct dormant_part *part = dormant_after(start);
    for (; part && part < parts + part_count && part->start < end; part++)
        woken |= wake_part(part);
    return woken;
}

/* Where that fails (too many mappings), the next call tries again. The order counts: who finds it
 * cleared calls at once. */
void dormant_wake_callers(void) {
    bool all = true;
    for (size_t i = 0; i < part_count; i++)
        if (parts[i].is_caller)
            all &= wake_part(&parts[i]);
    if (all)
        __atomic_store_n(&dormant_calls_asleep, false, __ATOMIC_RELEASE);
}

void dormant_wake_all(void) {
    for (size_t i = 0; i < part_count; i++)
        wake_part(&parts[i]);
}

/* Without libc, whose sigaction(3) comes back here. All zero: the default action, in the kernel's
 * structure. */
static void restore_default(void) {
    static const unsigned long none[8];
    raw_syscall(SYS_rt_sigaction, SIGSEGV, (long)none, 0, 8);
}

void dormant_give_back(void) {
    if (!is_watched)
        return;
    dormant_wake_all();
    restore_default();
    is_watched = false;
    part_count = 0;
    dormant_calls_asleep = false;
}

void dormant_sleeps(void) {
    has_slept = part_count > 0;
    dormant_calls_asleep = has_slept;
}

void dormant_forget(void) {
    part_count = 0;
    if (!has_slept) /* else the stubs stay, and lead on */
        dormant_calls_undo();
    if (is_watched)
        restore_default();
    is_watched = false;
}

/* What sleeps can be read and run: a fault that is not by writing is somebody's mistake, also where
 * something slept once. */
#if defined(__x86_64__)
static bool is_write(const ucontext_t *context, unsigned long address) {
    (void)address;
    return context->uc_mcontext.gregs[REG_ERR] & 2;
}
#elif defined(__aarch64__)
static bool is_write(const ucontext_t *context, unsigned long address) {
    const unsigned char *at = context->uc_mcontext.__reserved;
    const struct _aarch64_ctx *head = (const void *)at;
    for (; head->magic && head->size; head = (const void *)(at += head->size))
        if (head->magic == ESR_MAGIC)
            return ((const struct esr_context *)head)->esr & 1U << 6; /* WnR */
    return context->uc_mcontext.pc != address; /* an emulator may not tell more */
}
#else
#error "dormant.c: add this processor"
#endif

/* As if there were no handler: what faulted faults again; what was sent is sent again. */
static void end_by_signal(const siginfo_t *info) {
    restore_default();
    if (info->si_code > 0)
        return;
    long pid = raw_syscall(SYS_getpid, 0, 0, 0, 0), thread = raw_syscall(SYS_gettid, 0, 0, 0, 0);
    if (raw_syscall(SYS_tgkill, pid, thread, SIGSEGV, 0) < 0)
        raw_syscall(SYS_exit_group, 128 + SIGSEGV, 0, 0, 0);
}

static void take_fault(int number, siginfo_t *info, void *context) {
    (void)number;
    unsigned long address = (unsigned long)info->si_addr;
    if (info->si_code != SEGV_ACCERR || !is_write(context, address) ||
        !dormant_wake(address, address + 1))
        end_by_signal(info);
}

/* On the stack of the one who writes, and not blocked, so that a fault in here ends the process. */
static bool watch(void) {
    struct sigaction action = {.sa_sigaction = take_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};
    return sigaction(SIGSEGV, &action, NULL) == 0;
}

size_t dormant_begin(size_t code_bytes_most) {
    size_t libraries = 0;
    dormant_forget(); /* or installing the handler would wake what an earlier call found */
    dormant_signals_begin();
    part_count = dormant_find(parts, PARTS_MOST, code_bytes_most, &libraries);
    is_watched = watch();
    if (!is_watched) {
        dormant_forget();
        libraries = 0;
    }
    return libraries;
}
