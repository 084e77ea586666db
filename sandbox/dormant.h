/*
 * dormant: what a script does not use of the loaded libraries costs its worker little. A mapping
 * costs at each fork and each exit, and a library has two: its code and its data. Here the image of
 * a snapshot (snapshot.h) takes a small library's code as well, and its data is mapped with the
 * code's protection, readable and executable: so libraries that lie side by side become one
 * mapping. Reading and running them needs nothing more. The first write to a library's data is a
 * SIGSEGV, whose handler makes that data writable, not executable, and the write is made again: the
 * library is awake. No page is writable and executable at once. mprotect(2), sigaction(2).
 *
 * Where the kernel writes, it does not fault but fails (EFAULT): a library that has the kernel
 * write anywhere, a caller, sleeps only if all its calls can be seen (dormant_calls.h): the first
 * such call of any caller wakes all callers. Nobody may block the signal or take it while a library
 * sleeps: such calls are seen (dormant_signals.c) and wake all. A SIGSEGV for any other reason does
 * what it would have done: it ends the process.
 *
 * The table is made before the snapshot and not changed after; each fork has its own copy of the
 * handler and the protections.
 */
#ifndef DORMANT_H
#define DORMANT_H

#include <stdbool.h>
#include <stddef.h>

enum dormant_kind {
    DORMANT_CODE, /* to be copied, so that it is beside the data */
    DORMANT_DATA, /* to be mapped as code is, until it is written */
};

struct dormant_part {
    unsigned long start, end; /* addresses, page-aligned */
    enum dormant_kind kind;
    bool is_caller; /* data of a library that has the kernel write */
};

#define DORMANT_PROTECTION (PROT_READ | PROT_EXEC)

/* Before the snapshot: which parts of the libraries of this process may sleep; the code of those
 * that have at most code_bytes_most of it is copied, of the interpreter and numpy four times that.
 * Installs the handler. Returns how many libraries may sleep. */
size_t dormant_begin(size_t code_bytes_most);

/* When there is no snapshot after all: no part sleeps, all is as before dormant_begin. */
void dormant_forget(void);

/* After the snapshot: what may sleep does. */
void dormant_sleeps(void);

/* The first part that ends after the address; NULL: none. */
const struct dormant_part *dormant_after(unsigned long address);

/* Wakes what sleeps there, for this process and its forks; false: nothing sleeps there.
 * Async-signal-safe. */
bool dormant_wake(unsigned long start, unsigned long end);

/* Wakes the callers. For the stubs of dormant_calls. Async-signal-safe. */
void dormant_wake_callers(void);

/* Wakes all. Async-signal-safe. */
void dormant_wake_all(void);

/* Wakes all, and SIGSEGV has its default action again. Async-signal-safe. */
void dormant_give_back(void);

#endif
