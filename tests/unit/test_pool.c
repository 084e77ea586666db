/* pool: who waits gets a worker, of those made ahead or of a slot that is free again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "claimed_pool.h"

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

static void test_one_after_the_other_while_some_are_ready(void **state) {
    (void)state;
    t.processors = 2;
    start(8, true);
    assert_int_equal(t.zygote.spawned, 4); /* two for each processor, where none is ready */
    for (unsigned ready = 1; ready < 8; ready++) {
        fake_frame(&t.zygote.workers[ready - 1], FRAME_READY, NULL, 0);
        fake_wait_ms(t.loop, 20);
        assert_int_equal(pool_ready_count(t.pool), ready);
        assert_int_equal(t.zygote.spawned, ready < 4 ? 4 : ready + 1);
    }
}

static void test_more_processors_make_more_at_a_time(void **state) {
    (void)state;
    t.processors = 6;
    start(14, true);
    assert_int_equal(t.zygote.spawned, 12);
    for (unsigned ready = 1; ready < 12; ready++) {
        fake_frame(&t.zygote.workers[ready - 1], FRAME_READY, NULL, 0);
        fake_wait_ms(t.loop, 20);
        unsigned starting = t.zygote.spawned - ready;
        assert_int_equal(starting, ready < 9 ? 12 - ready : 3);
    }
}

/* Those that nobody waits for come later. */
static void test_as_many_at_once_as_are_waited_for(void **state) {
    struct claimant more[7];
    (void)state;
    t.processors = 2;
    t.config.slots = 3;
    start(8, true);
    for (int i = 0; i < 7; i++)
        claim(&more[i]);
    fake_wait_ms(t.loop, 20);
    assert_int_equal(t.zygote.spawned, 7);
    for (int i = 0; i < 7; i++)
        fake_frame(&t.zygote.workers[i], FRAME_READY, NULL, 0);
    fake_wait_ms(t.loop, 20);
    for (int i = 0; i < 7; i++)
        assert_int_equal(more[i].workers, 1);
    assert_int_equal(t.zygote.spawned, 7 + 4);
}

/* The socket takes no more: commands wait, in order, and none is lost. */
static void test_a_slow_zygote(void **state) {
    struct claimant more[12];
    int small = 1;
    (void)state;
    t.config.pool = 0;
    t.config.slots = 6;
    assert_int_equal(pool_new(t.loop, &t.config, &t.pool), 0);
    fake_zygote_init(&t.zygote, t.loop);
    setsockopt(t.zygote.server_end, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
    loop_file_remove(t.loop, &t.zygote.file);
    assert_int_equal(pool_zygote_take(t.pool, t.zygote.server_end), 0);
    for (int i = 0; i < 12; i++)
        claim(&more[i]);
    fake_wait_ms(t.loop, 20);
    assert_int_equal(t.zygote.spawned, 0);
    loop_file_add(t.loop, &t.zygote.file, t.zygote.fd, EPOLLIN, fake_on_command, &t.zygote);
    fake_wait_ms(t.loop, 50);
    assert_int_equal(t.zygote.spawned, 12);
    for (int i = 0; i < 12; i++)
        assert_int_equal(more[i].workers, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_workers_wait_ahead),
        TEST(test_nothing_ahead),
        TEST(test_slot_is_free_only_when_ended),
        TEST(test_dead_worker_is_not_handed_out),
        TEST(test_talking_too_early),
        TEST(test_unknown_ends_are_ignored),
        TEST(test_one_after_the_other_while_some_are_ready),
        TEST(test_more_processors_make_more_at_a_time),
        TEST(test_as_many_at_once_as_are_waited_for),
        TEST(test_a_slow_zygote),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
