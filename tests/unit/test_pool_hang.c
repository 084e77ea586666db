/* pool: a zygote that hangs is noticed, whatever it was to do, and one that is slow is let be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "claimed_pool.h"

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
    t.pool->pong_us = 60 * 1000000LL; /* the next ping comes when this one is answered */
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
    struct fake_zygote old;
    take_over(&old, false);
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

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_a_zygote_that_hangs_with_every_slot_in_use_is_noticed),
        TEST(test_a_zygote_that_clears_slowly_does_not_hang),
        TEST(test_a_claimant_doubts_a_zygote),
        TEST(test_a_zygote_that_hangs_while_the_next_starts_is_noticed),
        TEST(test_a_replaced_zygote_that_hangs_is_noticed),
        TEST(test_a_zygote_that_does_not_come_up_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
