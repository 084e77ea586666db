/* seccomp_calls: see seccomp_calls.h. */
#include "seccomp_calls.h"

#include <seccomp.h>
#include <stddef.h>
#include <string.h>

#define NAME_SIZE 64

static bool inside(int number) {
    return number >= 0 && number < SECCOMP_CALLS_MOST;
}

bool seccomp_calls_have(const struct seccomp_calls *calls, int number) {
    return inside(number) && (calls->words[number / 32] >> (number % 32) & 1);
}

static void set(struct seccomp_calls *calls, int number, bool is_member) {
    if (!inside(number))
        return;
    const uint32_t bit = 1u << (number % 32);
    if (is_member)
        calls->words[number / 32] |= bit;
    else
        calls->words[number / 32] &= ~bit;
}

static void set_all(struct seccomp_calls *calls, const char *names, bool are_members) {
    while (*names)
        set(calls, seccomp_take_name(&names), are_members);
}

bool seccomp_in_force(enum seccomp_when when, const struct seccomp_options *options) {
    switch (when) {
    case WHEN_ALWAYS:
        return true;
    case WHEN_UNIX_SOCKETS:
        return options->unix_sockets;
    case WHEN_MEMFD:
        return options->memfd;
    case UNLESS_MEMFD:
        return !options->memfd;
    case WHEN_SHARED_UID:
        return options->shared_uid;
    case UNLESS_SHARED_UID:
        return !options->shared_uid;
    case WHEN_KEEP_PRIVATE:
        return options->keep_private;
    case WHEN_KEEP_PRIVATE_ONLY:
        return options->keep_private && !options->shared_files;
    case WHEN_SHARED_FILES:
        return options->shared_files;
    case WHEN_LOOSE_TRUNCATE:
        return options->loose_truncate;
    case WHEN_KEEPER:
        return options->keeper;
    }
    return true;
}

int seccomp_take_name(const char **names) {
    size_t length = strcspn(*names, " ");
    char copy[NAME_SIZE] = "";
    if (length < sizeof(copy))
        memcpy(copy, *names, length);
    *names += length + ((*names)[length] == ' ');
    return seccomp_syscall_resolve_name_arch(seccomp_arch_native(), copy);
}

bool seccomp_names(const char *names, const char *name) {
    const size_t length = strlen(name);
    for (const char *at = names; (at = strstr(at, name)); at += length)
        if ((at == names || at[-1] == ' ') && (at[length] == ' ' || !at[length]))
            return true;
    return false;
}

/* What a row allows whatever the arguments are and no row forbids for some. */
static struct seccomp_calls plain(const struct seccomp_options *options) {
    struct seccomp_calls calls = {{0}};
    for (int forbid = 0; forbid < 2; forbid++)
        for (size_t i = 0; i < seccomp_table_size; i++) {
            const struct seccomp_row *row = &seccomp_table[i];
            if (!seccomp_in_force(row->when, options))
                continue;
            if (!forbid && row->step == STEP_ALLOW && row->match[0].test == TEST_NONE)
                set_all(&calls, row->names, true);
            else if (forbid && row->step == STEP_FORBID)
                set_all(&calls, row->names, false);
        }
    return calls;
}

static bool waits_for_pid(const struct seccomp_row *row) {
    return row->match[0].value == SECCOMP_OWN_PID || row->match[1].value == SECCOMP_OWN_PID;
}

static void take_away(struct seccomp_calls *calls, const struct seccomp_calls *others) {
    for (size_t i = 0; i < SECCOMP_CALLS_MOST / 32; i++)
        calls->words[i] &= ~others->words[i];
}

struct seccomp_deferred seccomp_calls_deferred(const struct seccomp_options *options) {
    const struct seccomp_calls allowed = plain(options);
    struct seccomp_deferred calls = {{{0}}, {{0}}};
    for (size_t i = 0; i < seccomp_setup_size; i++) {
        const struct seccomp_setup *setup = &seccomp_setup[i];
        if (seccomp_in_force(setup->when, options))
            set_all(setup->match.test == TEST_NONE ? &calls.whole : &calls.part, setup->names,
                    true);
    }
    for (size_t i = 0; i < seccomp_table_size; i++)
        if (waits_for_pid(&seccomp_table[i]) && seccomp_in_force(seccomp_table[i].when, options))
            set_all(&calls.whole, seccomp_table[i].names, true);
    take_away(&calls.whole, &allowed);
    take_away(&calls.part, &allowed);
    take_away(&calls.part, &calls.whole);
    return calls;
}

const struct seccomp_match *seccomp_setup_match(int number, const struct seccomp_options *options) {
    for (size_t i = 0; i < seccomp_setup_size; i++) {
        const struct seccomp_setup *setup = &seccomp_setup[i];
        if (setup->match.test == TEST_NONE || !seccomp_in_force(setup->when, options))
            continue;
        for (const char *names = setup->names; *names;)
            if (seccomp_take_name(&names) == number)
                return &setup->match;
    }
    return NULL;
}
