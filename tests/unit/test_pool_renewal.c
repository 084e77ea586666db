/* pool: when another zygote is asked for, how it takes over from the one before, and what is said
 * if it does less. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "claimed_pool.h"

static void test_a_zygote_is_replaced_after_so_many_runs(void **state) {
    (void)state;
    t.config.renew_runs = 2;
    start(0, false);
    pool_on_renewal(t.pool, on_renewal, NULL);
    claim(&t.a);
    fake_wait_ms(t.loop, 20);
    assert_int_equal(t.renewals, 0);
    claim(&t.b);
    fake_wait_ms(t.loop, 20);
    assert_int_equal(t.renewals, 1); /* once, however many more come */
}

static void test_a_newer_zygote_replaces_the_older(void **state) {
    struct fake_zygote old;
    (void)state;
    start(0, false);
    claim(&t.a);
    fake_wait_ms(t.loop, 20);
    take_over(&old, false);
    assert_true(pool_is_up(t.pool)); /* by the old one, until the new one has said that it is */
    fake_wait_ms(t.loop, 20);
    claim(&t.b);
    fake_wait_ms(t.loop, 20);
    assert_int_equal(t.b.workers, 1);
    assert_int_not_equal(t.zygote.workers[0].run, old.workers[0].run);
    /* What runs on the old one goes on to its own end; then the old one is let go. */
    assert_int_equal(t.a.losses, 0);
    assert_int_equal(t.a.ends, 0);
    char byte;
    assert_int_equal(recv(old.fd, &byte, 1, MSG_DONTWAIT), -1);
    fake_send_event(&old, &(struct zygote_event){.type = ZYGOTE_ENDED, .run = old.workers[0].run});
    fake_wait_ms(t.loop, 20);
    assert_int_equal(t.a.ends, 1);
    assert_int_equal(recv(old.fd, &byte, 1, MSG_DONTWAIT), 0);
    assert_true(pool_is_up(t.pool));
    close(old.fd);
    close_ends(&old.workers[0]);
}

static void not_startable(struct fake_zygote *zygote, struct fake_worker *worker) {
    struct zygote_event event = {.type = ZYGOTE_ENDED,
                                 .slot = worker->slot,
                                 .run = worker->run,
                                 .flags = ENDED_NOT_STARTED,
                                 .stage = STAGE_SPAWN,
                                 .error = ENOTEMPTY};
    fake_send_event(zygote, &event);
    worker->alive = false;
    loop_file_remove(t.loop, &worker->file);
    close_ends(worker);
}

/* The slot is left alone, the claim goes to another one, and a new zygote is asked for. */
static void test_a_slot_that_cannot_be_used_is_not_tried_again(void **state) {
    (void)state;
    start(0, true);
    pool_on_renewal(t.pool, on_renewal, NULL);
    claim(&t.a);
    fake_wait_ms(t.loop, 20);
    assert_int_equal(t.zygote.spawned, 1);
    struct fake_worker *worker = &t.zygote.workers[0];
    unsigned slot = 0;
    while (!worker->alive)
        worker = &t.zygote.workers[++slot];
    t.zygote.mute = false;
    not_startable(&t.zygote, worker);
    fake_wait_ms(t.loop, 50);
    assert_int_equal(t.renewals, 1);
    assert_int_equal(t.a.failures, 0);
    assert_int_equal(t.a.workers, 1);
    assert_int_not_equal(t.a.claim.worker->slot, slot);
}

/* The one before still sees a run end, so there is no place for another one yet. No slot is left
 * meanwhile, and nobody would ask again. */
static void expect_another_is_asked_for(bool is_lost) {
    start(0, false);
    pool_on_renewal(t.pool, on_renewal, NULL);
    claim(&t.a);
    fake_wait_ms(t.loop, 20);
    struct fake_zygote old;
    take_over(&old, true);
    fake_wait_ms(t.loop, 20);
    claim(&t.b);
    for (int slot = 0; slot < 3; slot++) {
        fake_wait_ms(t.loop, 20);
        not_startable(&t.zygote, &t.zygote.workers[slot]);
    }
    fake_wait_ms(t.loop, 20);
    assert_int_equal(t.zygote.spawned, 3);
    assert_int_equal(t.renewals, 0);
    assert_int_equal(t.a.ends, 0);
    if (!is_lost)
        fake_send_event(&old,
                        &(struct zygote_event){.type = ZYGOTE_ENDED, .run = old.workers[0].run});
    else
        close(old.fd);
    fake_wait_ms(t.loop, 20);
    assert_int_equal(t.a.ends, 1);
    assert_int_equal(t.renewals, 1);
    if (!is_lost)
        close(old.fd);
    close_ends(&old.workers[0]);
    pool_unclaim(t.pool, &t.b.claim);
}

static void test_another_zygote_is_asked_for_when_the_one_before_has_left(void **state) {
    (void)state;
    expect_another_is_asked_for(false);
}

static void test_another_zygote_is_asked_for_when_the_one_before_is_lost(void **state) {
    (void)state;
    expect_another_is_asked_for(true);
}

/* What the pool logs when the next zygote comes up with these layers. */
static void next_zygote(uint32_t layers, char ret_log[1024]) {
    struct zygote_event up = {.type = ZYGOTE_UP, .report.layers = layers};
    int log[2], before = dup(STDOUT_FILENO), pair[2];
    assert_int_equal(pipe2(log, O_NONBLOCK), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(send(pair[1], &up, sizeof(up), 0), sizeof(up));
    fflush(stdout);
    dup2(log[1], STDOUT_FILENO);
    int r = pool_zygote_take(t.pool, pair[0]);
    fake_wait_ms(t.loop, 20);
    dup2(before, STDOUT_FILENO);
    assert_int_equal(r, 0);
    assert_int_equal(pool_report(t.pool)->layers, layers);
    ssize_t size = read(log[0], ret_log, 1023);
    ret_log[size > 0 ? size : 0] = '\0';
    close(pair[1]);
    fake_wait_ms(t.loop, 20);
    close(before);
    close(log[0]);
    close(log[1]);
}

/* One that does less than the first did must not do so unnoticed. */
static void test_other_layers_than_the_first_zygotes_are_told(void **state) {
    const uint32_t always = 1 << LAYER_SECCOMP, first = always | 1 << LAYER_CGROUP;
    char log[1024];
    (void)state;
    assert_int_equal(pool_new(t.loop, &t.config, &t.pool), 0);
    next_zygote(first, log);
    assert_string_equal(log, "");
    next_zygote(always | 1 << LAYER_WATCHDOG, log);
    assert_non_null(strstr(log, "warning"));
    assert_non_null(strstr(log, "lost: cgroup; new: watchdog"));
    next_zygote(first, log);
    assert_string_equal(log, "");
    next_zygote(always, log);
    assert_non_null(strstr(log, "lost: cgroup; new: none"));
    fake_zygote_init(&t.zygote, t.loop); /* for what comes after each test */
    close(t.zygote.server_end);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_a_zygote_is_replaced_after_so_many_runs),
        TEST(test_a_newer_zygote_replaces_the_older),
        TEST(test_a_slot_that_cannot_be_used_is_not_tried_again),
        TEST(test_another_zygote_is_asked_for_when_the_one_before_has_left),
        TEST(test_another_zygote_is_asked_for_when_the_one_before_is_lost),
        TEST(test_other_layers_than_the_first_zygotes_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
