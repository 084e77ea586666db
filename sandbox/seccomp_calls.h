/*
 * seccomp_calls: what the parts of the policy (seccomp_program.h) ask of the table: which rows are
 * in force, and which calls the worker's part decides. Numbers are those of this machine. No
 * allocation.
 */
#ifndef SECCOMP_CALLS_H
#define SECCOMP_CALLS_H

#include <stdbool.h>
#include <stdint.h>

#include "seccomp_program.h"
#include "seccomp_table.h"

#define SECCOMP_CALLS_MOST 512 /* a call with a higher number is in no set */

struct seccomp_calls {
    uint32_t words[SECCOMP_CALLS_MOST / 32];
};

bool seccomp_calls_have(const struct seccomp_calls *calls, int number);

bool seccomp_in_force(enum seccomp_when when, const struct seccomp_options *options);

/* The number of the first call of *names, which goes on to the next one. Negative: this machine, or
 * this libseccomp, has no such call; then it is ENOSYS. */
int seccomp_take_name(const char **names);

/* Whether name is one of names. */
bool seccomp_names(const char *names, const char *name);

/* What the zygote's part lets through and the worker's part decides; nothing of what scripts are
 * allowed anyway. */
struct seccomp_deferred {
    struct seccomp_calls whole; /* whatever the arguments are: what the setup needs so, and calls
                                   whose rows wait for the worker's pid */
    struct seccomp_calls part;  /* where seccomp_setup_match holds */
};

/* Asks libseccomp for some thousand names. */
struct seccomp_deferred seccomp_calls_deferred(const struct seccomp_options *options);

/* Which calls of that number the setup makes; NULL: all, or none. */
const struct seccomp_match *seccomp_setup_match(int number, const struct seccomp_options *options);

#endif
