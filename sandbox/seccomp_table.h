/*
 * seccomp_table: the system call policy as data. Rows only; seccomp_program.c and seccomp_worker.c
 * turn them into BPF.
 *
 * A call passes three steps, and the first row that matches decides:
 *   1. FORBID     these arguments are refused, although the call as such may be allowed
 *   2. ALLOW      the call (with these arguments) goes to the kernel
 *   3. OTHERWISE  the call is known and refused, with this errno
 * What no row names is ENOSYS. The order of rows within a step does not matter.
 */
#ifndef SECCOMP_TABLE_H
#define SECCOMP_TABLE_H

#include <stddef.h>
#include <stdint.h>

enum seccomp_step { STEP_FORBID, STEP_ALLOW, STEP_OTHERWISE, STEP_COUNT };

/* The member of struct seccomp_options under which a row is in force. */
enum seccomp_when {
    WHEN_ALWAYS,
    WHEN_UNIX_SOCKETS,
    WHEN_MEMFD,
    UNLESS_MEMFD,
    WHEN_SHARED_UID,
    UNLESS_SHARED_UID,
    WHEN_KEEP_PRIVATE,
    WHEN_KEEP_PRIVATE_ONLY, /* and not WHEN_SHARED_FILES */
    WHEN_SHARED_FILES,
    WHEN_LOOSE_TRUNCATE,
    WHEN_KEEPER,
};

enum seccomp_test {
    TEST_NONE,
    TEST_EQUAL,     /* argument == value, all 64 bits */
    TEST_MASKED,    /* (argument & mask) == value */
    TEST_ANY_BIT,   /* (argument & mask) != 0 */
    TEST_LACKS_BIT, /* (argument & mask) != mask */
};

struct seccomp_match {
    enum seccomp_test test;
    unsigned argument; /* 0 .. 5 */
    uint64_t value, mask;
};

struct seccomp_row {
    enum seccomp_step step;
    int error; /* errno of STEP_FORBID and STEP_OTHERWISE; 0: the call does nothing and succeeds */
    enum seccomp_when when;
    const char *names; /* separated by single spaces; those this machine lacks are passed over */
    struct seccomp_match match[2]; /* both must hold; a bit test stands first */
};

/* What the zygote, its inits and the setup of a worker make use of beyond what scripts may. It says
 * nothing about scripts: only from when on the rows above are in force for a call. */
struct seccomp_setup {
    enum seccomp_when when;
    const char *names;          /* as in a row */
    struct seccomp_match match; /* TEST_NONE: all of the call; else TEST_EQUAL, and no FORBID row
                                   names the call */
};

/* Stands in a value for the worker's own pid, which only the worker knows. Above any pid. */
#define SECCOMP_OWN_PID 0x7ffe5ec0u

extern const struct seccomp_row seccomp_table[];
extern const size_t seccomp_table_size;
extern const struct seccomp_setup seccomp_setup[];
extern const size_t seccomp_setup_size;

#endif
