/*
 * The policy's two parts, worked out: for each call, by its number, its processor and arguments of
 * each kind that the table tells apart, they come to the same as the whole policy, in every variant
 * of it. And the zygote's part alone differs from the policy for what the setup needs, and for
 * nothing else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <seccomp.h>

#include "seccomp_calls.h"
#include "seccomp_machine.h"
#include "seccomp_table.h"

#define WORKER_PID 4242
#define NUMBERS 601    /* 0 .. 600; no kernel has more */
#define VARIANTS 128   /* each option is on or off */
#define KINDS_MOST 160 /* of one argument */

static struct seccomp_options variant(unsigned bits) {
    return (struct seccomp_options){.unix_sockets = bits & 1,
                                    .memfd = bits & 2,
                                    .shared_uid = bits & 4,
                                    .keep_private = bits & 8,
                                    .shared_files = bits & 16,
                                    .loose_truncate = bits & 32,
                                    .keeper = bits & 64};
}

struct policy {
    struct seccomp_program whole, zygote, worker;
};

static struct policy policy_of(const struct seccomp_options *options) {
    struct policy policy;
    assert_int_equal(seccomp_compile(options, &policy.whole), 0);
    assert_int_equal(seccomp_compile_zygote(options, &policy.zygote), 0);
    assert_int_equal(seccomp_compile_worker(options, &policy.worker), 0);
    seccomp_program_set_pid(&policy.whole, WORKER_PID);
    seccomp_program_set_pid(&policy.worker, WORKER_PID);
    return policy;
}

static void policy_done(struct policy *policy) {
    seccomp_program_done(&policy->whole);
    seccomp_program_done(&policy->zygote);
    seccomp_program_done(&policy->worker);
}

/* As the kernel does: the action that goes before the other; if they are of one kind, what was
 * loaded last. seccomp(2). */
static uint32_t together(uint32_t zygote, uint32_t worker) {
    const int32_t first = (int32_t)(zygote & SECCOMP_RET_ACTION_FULL);
    const int32_t last = (int32_t)(worker & SECCOMP_RET_ACTION_FULL);
    return first < last ? zygote : worker;
}

struct kinds {
    unsigned count[6];
    uint64_t values[6][KINDS_MOST];
};

static void add_kind(struct kinds *kinds, unsigned argument, uint64_t value) {
    unsigned *count = &kinds->count[argument];
    for (unsigned i = 0; i < *count; i++)
        if (kinds->values[argument][i] == value)
            return;
    assert_true(*count < KINDS_MOST);
    kinds->values[argument][(*count)++] = value;
}

/* What the test holds for and what it does not, also with upper bits and in the neighbourhood. */
static void add_match(struct kinds *kinds, const struct seccomp_match *match) {
    if (match->test == TEST_NONE)
        return;
    const uint64_t value = match->value == SECCOMP_OWN_PID ? WORKER_PID : match->value;
    const uint64_t seeds[] = {value, value | match->mask, value | ~match->mask, match->mask};
    for (unsigned i = 0; i < 4; i++) {
        if (match->test == TEST_EQUAL && i > 0)
            break;
        add_kind(kinds, match->argument, seeds[i]);
        add_kind(kinds, match->argument, seeds[i] | 0x700000000);
        add_kind(kinds, match->argument, seeds[i] & 0xffffffff);
        add_kind(kinds, match->argument, seeds[i] + 1);
    }
    if (match->test == TEST_ANY_BIT || match->test == TEST_LACKS_BIT)
        for (uint64_t rest = match->mask; rest; rest &= rest - 1) {
            add_kind(kinds, match->argument, rest & -rest);
            add_kind(kinds, match->argument, match->mask & ~(rest & -rest));
        }
}

static struct kinds kinds_of(const char *name) {
    struct kinds kinds = {{0}, {{0}}};
    for (unsigned i = 0; i < 6; i++) {
        add_kind(&kinds, i, 0);
        add_kind(&kinds, i, ~UINT64_C(0));
    }
    for (size_t i = 0; name && i < seccomp_table_size; i++)
        for (int j = 0; j < 2 && seccomp_names(seccomp_table[i].names, name); j++)
            add_match(&kinds, &seccomp_table[i].match[j]);
    for (size_t i = 0; name && i < seccomp_setup_size; i++)
        if (seccomp_names(seccomp_setup[i].names, name))
            add_match(&kinds, &seccomp_setup[i].match);
    return kinds;
}

/* Each kind of the first two arguments that the table looks at with each of the other, the rest
 * the same. No call has rows for more. */
static unsigned each_call(const struct kinds *kinds, const struct policy *policy,
                          struct seccomp_data data,
                          void look(const struct policy *, const struct seccomp_data *)) {
    unsigned a = 0, b, calls = 0;
    while (a < 5 && kinds->count[a] <= 2)
        a++;
    for (b = a + 1; b < 5 && kinds->count[b] <= 2;)
        b++;
    b = b > 5 ? 0 : b;
    for (unsigned k = 0; k < 6; k++)
        assert_true(k == a || k == b || kinds->count[k] <= 2);
    for (unsigned rest = 0; rest < 2; rest++)
        for (unsigned i = 0; i < kinds->count[a]; i++)
            for (unsigned j = 0; j < kinds->count[b]; j++) {
                for (unsigned k = 0; k < 6; k++)
                    data.args[k] = kinds->values[k][rest];
                data.args[a] = kinds->values[a][i];
                data.args[b] = kinds->values[b][j];
                look(policy, &data);
                calls++;
            }
    return calls;
}

static unsigned allowed, refused, nothing;

static void look_same(const struct policy *policy, const struct seccomp_data *data) {
    const uint32_t expected = carry_out(&policy->whole, data);
    const uint32_t zygote = carry_out(&policy->zygote, data);
    const uint32_t worker = carry_out(&policy->worker, data);
    if (together(zygote, worker) != expected)
        fail_msg("%d (%llx, %llx, %llx) of %x: %x and %x instead of %x", data->nr, data->args[0],
                 data->args[1], data->args[2], data->arch, zygote, worker, expected);
    /* Not even the order in which they are loaded matters. */
    assert_true(zygote == ALLOWED || worker == ALLOWED || zygote == worker);
    *(expected == ALLOWED ? &allowed : expected == REFUSED(0) ? &nothing : &refused) += 1;
}

static const struct kinds *all_kinds(void) {
    static struct kinds kinds[NUMBERS];
    static bool known;
    for (int number = 0; number < NUMBERS && !known; number++) {
        char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);
        kinds[number] = kinds_of(name);
        free(name);
    }
    known = true;
    return kinds;
}

static void test_they_are_the_policy(void **state) {
    (void)state;
    const struct kinds *kinds = all_kinds();
    for (unsigned bits = 0; bits < VARIANTS; bits++) {
        const struct seccomp_options options = variant(bits);
        struct policy policy = policy_of(&options);
        for (int number = 0; number < NUMBERS; number++)
            each_call(&kinds[number], &policy,
                      (struct seccomp_data){.nr = number, .arch = OWN_ARCH}, look_same);
        policy_done(&policy);
    }
    assert_in_range(allowed, 100000, 100000000);
    assert_in_range(refused, 100000, 100000000);
    assert_in_range(nothing, 1000, 100000000);
}

/* 32 bit, x32, other processors, numbers that are none. */
static void test_they_are_the_policy_for_other_abis(void **state) {
    (void)state;
    static const uint32_t arches[] = {AUDIT_ARCH_I386,
                                      AUDIT_ARCH_ARM,
                                      AUDIT_ARCH_X86_64,
                                      AUDIT_ARCH_AARCH64,
                                      AUDIT_ARCH_RISCV64,
                                      0,
                                      ~0u};
    const struct kinds *kinds = all_kinds();
    for (unsigned bits = 0; bits < VARIANTS; bits += 9) {
        const struct seccomp_options options = variant(bits);
        struct policy policy = policy_of(&options);
        for (unsigned i = 0; i < sizeof(arches) / sizeof(arches[0]); i++)
            for (int number = 0; number < NUMBERS; number++) {
                const struct seccomp_data data = {.nr = number, .arch = arches[i]},
                                          high = {.nr = number | 0x40000000, .arch = arches[i]},
                                          low = {.nr = -1 - number, .arch = arches[i]};
                each_call(&kinds[number], &policy, data, look_same);
                each_call(&kinds[number], &policy, high, look_same);
                each_call(&kinds[number], &policy, low, look_same);
            }
        policy_done(&policy);
    }
}

/* What the zygote's part lets through and a script may not do. */
static unsigned more_than_the_policy;

static void look_zygote(const struct policy *policy, const struct seccomp_data *data) {
    const uint32_t expected = carry_out(&policy->whole, data);
    const uint32_t zygote = carry_out(&policy->zygote, data);
    if (zygote == expected)
        return;
    more_than_the_policy++;
    assert_int_equal(zygote, ALLOWED);
    char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, data->nr);
    assert_non_null(name);
    const struct seccomp_match *part = NULL;
    bool is_setup = false, waits = false;
    for (size_t i = 0; i < seccomp_setup_size; i++)
        if (seccomp_names(seccomp_setup[i].names, name)) {
            is_setup = true;
            part = seccomp_setup[i].match.test ? &seccomp_setup[i].match : NULL;
        }
    for (size_t i = 0; i < seccomp_table_size; i++)
        for (int j = 0; j < 2; j++)
            waits |= seccomp_table[i].match[j].value == SECCOMP_OWN_PID &&
                     seccomp_names(seccomp_table[i].names, name);
    if (!is_setup && !waits)
        fail_msg("%s is let through", name);
    if (part)
        assert_true(data->args[part->argument] == part->value);
    free(name);
}

static void test_the_zygote_has_what_it_needs_and_no_more(void **state) {
    (void)state;
    const struct kinds *kinds = all_kinds();
    for (unsigned bits = 0; bits < VARIANTS; bits += 3) {
        const struct seccomp_options options = variant(bits);
        struct policy policy = policy_of(&options);
        for (int number = 0; number < NUMBERS; number++)
            each_call(&kinds[number], &policy,
                      (struct seccomp_data){.nr = number, .arch = OWN_ARCH}, look_zygote);
        policy_done(&policy);
    }
    assert_true(more_than_the_policy > 0);
}

/* A test of part of a call must not meet a row that forbids, which the zygote's part would put
 * first; and what the setup needs is let through whatever else the call is asked for. */
static void test_the_setup_is_let_through(void **state) {
    (void)state;
    for (unsigned bits = 0; bits < VARIANTS; bits++) {
        const struct seccomp_options options = variant(bits);
        struct policy policy = policy_of(&options);
        for (size_t i = 0; i < seccomp_setup_size; i++) {
            const struct seccomp_setup *setup = &seccomp_setup[i];
            if (!seccomp_in_force(setup->when, &options))
                continue;
            for (const char *names = setup->names; *names;) {
                struct seccomp_data data = {.nr = seccomp_take_name(&names), .arch = OWN_ARCH};
                if (setup->match.test)
                    data.args[setup->match.argument] = setup->match.value;
                if (data.nr >= 0) /* arm64 has no chmod */
                    assert_int_equal(carry_out(&policy.zygote, &data), ALLOWED);
            }
        }
        policy_done(&policy);
    }
}

/* The reason for all this: the kernel translates every instruction, and asks for each call that
 * exists whether it is allowed whatever its arguments are, which it does only for these kinds of
 * instructions. */
static void test_the_workers_part_is_short(void **state) {
    (void)state;
    const struct seccomp_options options[] = {{.unix_sockets = true, .memfd = true},
                                              {.keeper = true, .keep_private = true}};
    for (unsigned i = 0; i < 2; i++) {
        struct policy policy = policy_of(&options[i]);
        assert_in_range(policy.worker.length, 10, i == 0 ? 32 : 64);
        for (unsigned j = 0; j < policy.worker.length; j++) {
            const struct sock_filter *at = &policy.worker.filter[j];
            const bool is_and = at->code == (BPF_ALU | BPF_AND | BPF_K);
            assert_true(is_and || BPF_CLASS(at->code) == BPF_LD || BPF_CLASS(at->code) == BPF_JMP ||
                        BPF_CLASS(at->code) == BPF_RET);
        }
        policy_done(&policy);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_they_are_the_policy),
        cmocka_unit_test(test_they_are_the_policy_for_other_abis),
        cmocka_unit_test(test_the_zygote_has_what_it_needs_and_no_more),
        cmocka_unit_test(test_the_setup_is_let_through),
        cmocka_unit_test(test_the_workers_part_is_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
