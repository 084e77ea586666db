/* pool: slots are used again only when they are free, failures reach those who wait. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "config.h"
#include "fake_zygote.h"
#include "pool_state.h"

struct claimant {
    struct pool_claim claim;
    unsigned workers, failures, ends, losses, stage;
};

static struct {
    struct loop *loop;
    struct pool *pool;
    struct config config;
    struct fake_zygote zygote;
    struct claimant a, b;
} t;

static void on_worker(void *context, struct worker *worker) {
    struct claimant *claimant = context;
    assert_ptr_equal(claimant->claim.worker, worker);
    /* Nothing is read here. */
    loop_file_remove(t.loop, &worker->files[WORKER_CHANNEL]);
    claimant->workers++;
}
static void on_failed(void *context, unsigned stage) {
    struct claimant *claimant = context;
    claimant->failures++;
    claimant->stage = stage;
}
static void on_ended(void *context, const struct zygote_event *event) {
    struct claimant *claimant = context;
    claimant->ends++;
    claimant->losses += !event;
}
static const struct pool_claim_calls calls = {
    .on_worker = on_worker, .on_failed = on_failed, .on_ended = on_ended};

static void claim(struct claimant *claimant) {
    *claimant = (struct claimant){.claim = {.calls = &calls, .context = claimant}};
    pool_claim(t.pool, &claimant->claim);
}

static void start(unsigned ahead, bool mute) {
    t.config.slots = 1;
    t.config.pool = ahead;
    assert_int_equal(pool_new(t.loop, &t.config, &t.pool), 0);
    fake_zygote_init(&t.zygote, t.loop);
    t.zygote.mute = mute;
    assert_false(pool_is_up(t.pool));
    assert_int_equal(pool_zygote_take(t.pool, t.zygote.server_end), 0);
    fake_wait_ms(t.loop, 20);
    assert_true(pool_is_up(t.pool));
}

static int set_up(void **state) {
    (void)state;
    memset(&t, 0, sizeof(t));
    config_init(&t.config);
    return loop_new(&t.loop);
}

static int tear_down(void **state) {
    (void)state;
    fake_zygote_done(&t.zygote);
    pool_free(t.pool);
    loop_free(t.loop);
    return 0;
}

static void test_workers_wait_ahead(void **state) {
    (void)state;
    start(2, false);
    assert_int_equal(pool_ready_count(t.pool), 2);
    claim(&t.a);
    assert_int_equal(t.a.workers, 1);
    fake_wait_ms(t.loop, 20);
    assert_int_equal(pool_ready_count(t.pool), 2);
    assert_int_equal(t.zygote.spawned, 3);
}

static unsigned renewals;

static void on_renewal(void *context) {
    (void)context;
    renewals++;
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
    struct zygote_event event = {.type = ZYGOTE_ENDED,
                                 .slot = worker->slot,
                                 .run = worker->run,
                                 .flags = ENDED_NOT_STARTED,
                                 .stage = STAGE_SPAWN,
                                 .error = ENOTEMPTY};
    t.zygote.mute = false;
    fake_send_event(&t.zygote, &event);
    worker->alive = false;
    loop_file_remove(t.loop, &worker->file);
    close(worker->channel);
    close(worker->out);
    close(worker->err);
    fake_wait_ms(t.loop, 50);
    assert_int_equal(renewals, 1);
    assert_int_equal(t.a.failures, 0);
    assert_int_equal(t.a.workers, 1);
    assert_int_not_equal(t.a.claim.worker->slot, slot);
}

static void test_nothing_ahead(void **state) {
    (void)state;
    start(0, false);
    assert_int_equal(t.zygote.spawned, 0);
    claim(&t.a);
    assert_int_equal(t.a.workers, 0);
    fake_wait_ms(t.loop, 20);
    assert_int_equal(t.a.workers, 1);
    assert_int_equal(t.zygote.spawned, 1);
}

/* Three slots, all taken or being cleared: a claim waits for an end, not for a kill. */
static void test_slot_is_free_only_when_ended(void **state) {
    struct claimant more[3];
    (void)state;
    start(0, false);
    t.zygote.immortal = true;
    for (int i = 0; i < 3; i++)
        claim(&more[i]);
    fake_wait_ms(t.loop, 20);
    unsigned first = more[0].claim.worker->slot, second = more[1].claim.worker->slot;
    claim(&t.a);
    pool_kill(t.pool, &more[0].claim);
    pool_unclaim(t.pool, &more[1].claim);
    fake_wait_ms(t.loop, 20);
    assert_int_equal(t.zygote.killed, 2);
    assert_int_equal(t.zygote.spawned, 3);
    assert_int_equal(t.a.workers, 0);
    fake_end(&t.zygote.workers[first], 0, 0);
    fake_wait_ms(t.loop, 20);
    assert_int_equal(more[0].ends, 1);
    assert_int_equal(t.a.workers, 1);
    fake_end(&t.zygote.workers[second], 0, 0);
    fake_wait_ms(t.loop, 20);
    assert_int_equal(more[1].ends, 0);
    fake_zygote_done(&t.zygote);
    fake_wait_ms(t.loop, 20);
    assert_int_equal(more[2].losses, 1);
}

static void test_set_up_failed(void **state) {
    struct setup_failure failure = {.stage = STAGE_SECCOMP, .error = EPERM};
    (void)state;
    start(0, true);
    claim(&t.a);
    fake_wait_ms(t.loop, 20);
    fake_frame(&t.zygote.workers[0], FRAME_SETUP_FAILED, &failure, sizeof(failure));
    fake_wait_ms(t.loop, 20);
    assert_int_equal(t.a.failures, 1);
    assert_int_equal(t.a.stage, STAGE_SECCOMP);
}

/* The reason still lies in the channel when the end is told. */
static void test_set_up_failed_and_ended(void **state) {
    struct setup_failure failure = {.stage = STAGE_MOUNTS, .error = EPERM};
    (void)state;
    start(0, true);
    claim(&t.a);
    fake_wait_ms(t.loop, 20);
    fake_frame(&t.zygote.workers[0], FRAME_SETUP_FAILED, &failure, sizeof(failure));
    fake_end(&t.zygote.workers[0], 0, 0);
    fake_wait_ms(t.loop, 20);
    assert_int_equal(t.a.failures, 1);
    assert_int_equal(t.a.stage, STAGE_MOUNTS);
}

static void test_not_started(void **state) {
    (void)state;
    start(0, true);
    claim(&t.a);
    fake_wait_ms(t.loop, 20);
    struct zygote_event event = {.type = ZYGOTE_ENDED,
                                 .run = t.zygote.workers[0].run,
                                 .flags = ENDED_NOT_STARTED,
                                 .stage = STAGE_SPAWN,
                                 .error = EAGAIN};
    fake_send_event(&t.zygote, &event);
    fake_wait_ms(t.loop, 20);
    assert_int_equal(t.a.failures, 1);
    assert_int_equal(t.a.stage, STAGE_SPAWN);
}

static void limit_descriptors(rlim_t soft) {
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = soft;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void test_a_passing_shortage_costs_no_claim(void **state) {
    struct rlimit before;
    (void)state;
    start(0, false);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    limit_descriptors(4);
    claim(&t.a);
    claim(&t.b);
    fake_wait_ms(t.loop, 150);
    limit_descriptors(before.rlim_cur);
    assert_int_equal(t.a.workers + t.b.workers, 0);
    /* The pauses between the attempts grow with what the wait above has really taken. */
    for (int i = 0; i < 2000 && t.a.workers + t.b.workers < 2; i++)
        fake_wait_ms(t.loop, 10);
    assert_int_equal(t.a.failures + t.b.failures, 0);
    assert_int_equal(t.a.workers + t.b.workers, 2);
}

static void end_zygote(void *context) {
    fake_zygote_done(context);
}

/* Whoever asks before the loss is noticed waits for the next zygote. */
static void test_a_zygote_that_has_just_died_costs_no_claim(void **state) {
    struct loop_timer timer = {0};
    (void)state;
    start(0, false);
    /* After the round has looked at the channel, before the claim's worker is asked for. */
    loop_timer_start(t.loop, &timer, 0, end_zygote, &t.zygote);
    claim(&t.a);
    fake_wait_ms(t.loop, 20);
    assert_int_equal(t.a.failures + t.a.losses, 0);
    assert_false(pool_is_up(t.pool));
    fake_zygote_init(&t.zygote, t.loop);
    assert_int_equal(pool_zygote_take(t.pool, t.zygote.server_end), 0);
    fake_wait_ms(t.loop, 20);
    assert_int_equal(t.a.workers, 1);
}

static void test_failure_does_not_take_anothers_worker(void **state) {
    (void)state;
    start(1, true);
    claim(&t.a);
    fake_wait_ms(t.loop, 20);
    assert_int_equal(t.zygote.spawned, 2);
    fake_end(&t.zygote.workers[0], 0, 0);
    fake_wait_ms(t.loop, 20);
    assert_int_equal(t.a.failures, 0);
    fake_frame(&t.zygote.workers[1], FRAME_READY, NULL, 0);
    fake_wait_ms(t.loop, 20);
    assert_int_equal(t.a.workers, 1);
}

static void test_dead_worker_is_not_handed_out(void **state) {
    (void)state;
    start(1, false);
    t.zygote.mute = true; /* else its successor may be ready before anybody looks */
    fake_end(&t.zygote.workers[0], 0, 0);
    fake_wait_ms(t.loop, 1);
    assert_int_equal(pool_ready_count(t.pool), 0);
    /* Its successor waits for the pause after a failure. */
    for (int i = 0; i < 20000 && t.zygote.spawned < 2; i++)
        fake_wait_ms(t.loop, 1);
    assert_int_equal(t.zygote.spawned, 2);
    fake_frame(&t.zygote.workers[0], FRAME_READY, NULL, 0);
    fake_wait_ms(t.loop, 1);
    assert_int_equal(pool_ready_count(t.pool), 1);
}

static void test_talking_too_early(void **state) {
    (void)state;
    start(1, false);
    t.zygote.mute = true; /* else its successor may be ready before anybody looks */
    fake_frame(&t.zygote.workers[0], FRAME_RESULT, "1", 1);
    fake_wait_ms(t.loop, 20);
    assert_int_equal(pool_ready_count(t.pool), 0);
    assert_int_equal(t.zygote.killed, 1);
}

static void test_unknown_ends_are_ignored(void **state) {
    (void)state;
    start(0, false);
    claim(&t.a);
    fake_wait_ms(t.loop, 20);
    uint64_t run = t.zygote.workers[0].run;
    fake_send_event(&t.zygote, &(struct zygote_event){.type = ZYGOTE_ENDED, .run = run + 1});
    fake_send_event(&t.zygote,
                    &(struct zygote_event){.type = ZYGOTE_ENDED, .run = run, .slot = 4000});
    fake_wait_ms(t.loop, 20);
    assert_int_equal(t.a.ends, 0);
}

static void close_ends(const struct fake_worker *worker) {
    close(worker->channel);
    close(worker->out);
    close(worker->err);
}

static void test_a_newer_zygote_replaces_the_older(void **state) {
    struct fake_zygote old;
    (void)state;
    start(0, false);
    claim(&t.a);
    fake_wait_ms(t.loop, 20);
    old = t.zygote;
    loop_file_remove(t.loop, &t.zygote.file);
    loop_file_remove(t.loop, &t.zygote.workers[0].file);
    fake_zygote_init(&t.zygote, t.loop);
    assert_int_equal(pool_zygote_take(t.pool, t.zygote.server_end), 0);
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

static unsigned renewals;

static void count_renewal(void *context) {
    (void)context;
    renewals++;
}

static void test_a_zygote_is_replaced_after_so_many_runs(void **state) {
    (void)state;
    renewals = 0;
    t.config.renew_runs = 2;
    start(0, false);
    pool_on_renewal(t.pool, count_renewal, NULL);
    claim(&t.a);
    fake_wait_ms(t.loop, 20);
    assert_int_equal(renewals, 0);
    claim(&t.b);
    fake_wait_ms(t.loop, 20);
    assert_int_equal(renewals, 1); /* once, however many more come */
}

/* The socket takes no more: commands wait, in order, and none is lost. */
static void test_a_slow_zygote(void **state) {
    int small = 1;
    (void)state;
    t.config.pool = 12;
    t.config.slots = 1;
    assert_int_equal(pool_new(t.loop, &t.config, &t.pool), 0);
    fake_zygote_init(&t.zygote, t.loop);
    setsockopt(t.zygote.server_end, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
    loop_file_remove(t.loop, &t.zygote.file);
    assert_int_equal(pool_zygote_take(t.pool, t.zygote.server_end), 0);
    fake_wait_ms(t.loop, 20);
    loop_file_add(t.loop, &t.zygote.file, t.zygote.fd, EPOLLIN, fake_on_command, &t.zygote);
    fake_wait_ms(t.loop, 50);
    assert_int_equal(t.zygote.spawned, 12);
    assert_int_equal(pool_ready_count(t.pool), 12);
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

/* The one before still sees a run end, so there is no place for another one yet. No slot is left
 * meanwhile, and nobody would ask again. */
static void expect_another_is_asked_for(bool is_lost) {
    start(0, false);
    renewals = 0;
    pool_on_renewal(t.pool, on_renewal, NULL);
    claim(&t.a);
    fake_wait_ms(t.loop, 20);
    struct fake_zygote old = t.zygote;
    loop_file_remove(t.loop, &t.zygote.file);
    loop_file_remove(t.loop, &t.zygote.workers[0].file);
    fake_zygote_init(&t.zygote, t.loop);
    t.zygote.mute = true;
    assert_int_equal(pool_zygote_take(t.pool, t.zygote.server_end), 0);
    fake_wait_ms(t.loop, 20);
    claim(&t.b);
    for (int slot = 0; slot < 3; slot++) {
        fake_wait_ms(t.loop, 20);
        not_startable(&t.zygote, &t.zygote.workers[slot]);
    }
    fake_wait_ms(t.loop, 20);
    assert_int_equal(t.zygote.spawned, 3);
    assert_int_equal(renewals, 0);
    assert_int_equal(t.a.ends, 0);
    if (!is_lost)
        fake_send_event(&old,
                        &(struct zygote_event){.type = ZYGOTE_ENDED, .run = old.workers[0].run});
    else
        close(old.fd);
    fake_wait_ms(t.loop, 20);
    assert_int_equal(t.a.ends, 1);
    assert_int_equal(renewals, 1);
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

/* ---- zygotes that hang ---- */

static struct { unsigned present, replaced; } hangs;

static void on_hung(void *context, bool replaced) {
    (void)context;
    *(replaced ? &hangs.replaced : &hangs.present) += 1;
}

/* As start, with workers that do not end, and a pool that loses patience soon. */
static void start_immortal(void) {
    memset(&hangs, 0, sizeof(hangs));
    start(0, false);
    t.zygote.immortal = true;
    t.pool->end_us = t.pool->pong_us = 20000;
    pool_on_hung(t.pool, on_hung, NULL);
}

static void stand_still(void) {
    loop_file_remove(t.loop, &t.zygote.file);
}

static void wait_for_hang(const unsigned *count) {
    for (int i = 0; i < 500 && *count == 0; i++)
        fake_wait_ms(t.loop, 10);
    assert_in_range(*count, 1, 500);
}

/* Nothing new is asked of it, and nobody waits for what it has not done. */
static void test_a_zygote_that_hangs_with_every_slot_in_use_is_noticed(void **state) {
    struct claimant more[3];
    (void)state;
    start_immortal();
    for (int i = 0; i < 3; i++)
        claim(&more[i]);
    fake_wait_ms(t.loop, 20);
    stand_still();
    for (int i = 0; i < 3; i++)
        pool_unclaim(t.pool, &more[i].claim);
    wait_for_hang(&hangs.present);
    assert_int_equal(hangs.replaced, 0);
}

/* It has much to clear away, and takes commands. */
static void test_a_zygote_that_clears_slowly_does_not_hang(void **state) {
    (void)state;
    start_immortal();
    t.pool->pong_us = 1000000;
    claim(&t.a);
    fake_wait_ms(t.loop, 20);
    pool_unclaim(t.pool, &t.a.claim);
    for (int i = 0; i < 500 && t.zygote.pinged < 3; i++)
        fake_wait_ms(t.loop, 10);
    assert_in_range(t.zygote.pinged, 3, 500);
    assert_int_equal(hangs.present + hangs.replaced, 0);
}

/* Its claimant says so, who has waited long enough already. */
static void test_a_claimant_doubts_a_zygote(void **state) {
    (void)state;
    start_immortal();
    t.pool->end_us = 60 * 1000000LL;
    claim(&t.a);
    fake_wait_ms(t.loop, 20);
    stand_still();
    pool_doubt(t.pool, &t.a.claim);
    wait_for_hang(&hangs.present);
    pool_unclaim(t.pool, &t.a.claim);
}

static void test_a_zygote_that_hangs_while_the_next_starts_is_noticed(void **state) {
    (void)state;
    start_immortal();
    t.pool->renew_runs = 1;
    pool_on_renewal(t.pool, on_renewal, NULL);
    claim(&t.a);
    fake_wait_ms(t.loop, 20);
    assert_int_equal(t.a.workers, 1);
    stand_still();
    pool_unclaim(t.pool, &t.a.claim);
    wait_for_hang(&hangs.replaced);
    assert_int_equal(hangs.present, 0);
}

static void test_a_replaced_zygote_that_hangs_is_noticed(void **state) {
    (void)state;
    start_immortal();
    claim(&t.a);
    fake_wait_ms(t.loop, 20);
    struct fake_zygote old = t.zygote;
    loop_file_remove(t.loop, &t.zygote.file);
    loop_file_remove(t.loop, &t.zygote.workers[0].file);
    fake_zygote_init(&t.zygote, t.loop);
    assert_int_equal(pool_zygote_take(t.pool, t.zygote.server_end), 0);
    fake_wait_ms(t.loop, 20);
    pool_unclaim(t.pool, &t.a.claim);
    wait_for_hang(&hangs.replaced);
    assert_int_equal(hangs.present, 0);
    close(old.fd);
    close_ends(&old.workers[0]);
}

static void test_a_zygote_that_does_not_come_up_is_noticed(void **state) {
    int pair[2];
    (void)state;
    start_immortal();
    t.pool->up_us = 20000;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(pool_zygote_take(t.pool, pair[0]), 0);
    wait_for_hang(&hangs.present);
    assert_int_equal(hangs.replaced, 0);
    assert_true(pool_is_up(t.pool));
    close(pair[1]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_workers_wait_ahead),
        TEST(test_nothing_ahead),
        TEST(test_a_slot_that_cannot_be_used_is_not_tried_again),
        TEST(test_slot_is_free_only_when_ended),
        TEST(test_set_up_failed),
        TEST(test_set_up_failed_and_ended),
        TEST(test_not_started),
        TEST(test_a_passing_shortage_costs_no_claim),
        TEST(test_a_zygote_that_has_just_died_costs_no_claim),
        TEST(test_failure_does_not_take_anothers_worker),
        TEST(test_dead_worker_is_not_handed_out),
        TEST(test_talking_too_early),
        TEST(test_unknown_ends_are_ignored),
        TEST(test_a_newer_zygote_replaces_the_older),
        TEST(test_a_zygote_is_replaced_after_so_many_runs),
        TEST(test_a_slow_zygote),
        TEST(test_other_layers_than_the_first_zygotes_are_told),
        TEST(test_another_zygote_is_asked_for_when_the_one_before_has_left),
        TEST(test_another_zygote_is_asked_for_when_the_one_before_is_lost),
        TEST(test_a_zygote_that_hangs_with_every_slot_in_use_is_noticed),
        TEST(test_a_zygote_that_clears_slowly_does_not_hang),
        TEST(test_a_claimant_doubts_a_zygote),
        TEST(test_a_zygote_that_hangs_while_the_next_starts_is_noticed),
        TEST(test_a_replaced_zygote_that_hangs_is_noticed),
        TEST(test_a_zygote_that_does_not_come_up_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
