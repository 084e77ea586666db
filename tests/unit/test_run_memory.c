/* run: no worker has its script before its limit of memory is set, and the kernel's word that
 * memory was out overrides a result. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "played_run.h"

static void is_out_of_memory(struct fake_worker *worker) {
    fake_end(worker, ENDED_STATUS_KNOWN | ENDED_OUT_OF_MEMORY, 9);
}

static void test_less_memory_is_set_first(void **state) {
    (void)state;
    play(claims_memory);
    assert_int_equal(t.zygote.memory_bytes, 0); /* the service's own: nobody is asked */
    forget_run();
    t.memory_bytes = (100 << 20) + (1 << 19);
    play(claims_memory);
    assert_int_equal(t.zygote.memory_bytes, t.memory_bytes);
    expect(VERDICT_MEMORY, "Memory limit exceeded (100.5MB limit)");
}

static void test_no_script_without_its_limit(void **state) {
    (void)state;
    t.memory_bytes = 100 << 20;
    t.zygote.limit_error = 16;
    play(claims_success);
    expect(VERDICT_INTERNAL, "The memory limit could not be set");
    assert_false(t.started);
    for (int i = 0; i < FAKE_SLOTS; i++)
        assert_int_equal(t.zygote.workers[i].input_size, 0);
}

static void say_something(void *context) {
    (void)context;
    for (int i = 0; i < FAKE_SLOTS; i++)
        if (t.zygote.workers[i].alive)
            fake_frame(&t.zygote.workers[i], FRAME_RESULT, "1", 1);
}

static void end_one(void *context) {
    (void)context;
    for (int i = 0; i < FAKE_SLOTS; i++)
        fake_end(&t.zygote.workers[i], ENDED_STATUS_KNOWN, 0);
}

/* Happens again and again, so that it happens to the second worker too, however slow this is. */
static struct accident {
    struct loop_timer timer;
    void (*happens)(void *context);
} accident;

static void happen(void *context) {
    accident.happens(context);
    loop_timer_start(t.loop, &accident.timer, 20000, happen, NULL);
}

/* Before it has its script a worker has nothing to say, and its end is no verdict on the script:
 * another one is taken, as often as one may have waited. */
static void test_worker_that_breaks_while_its_limit_is_set(void **state) {
    void (*const accidents[])(void *) = {say_something, end_one};
    (void)state;
    t.memory_bytes = 100 << 20;
    t.zygote.slow = true;
    t.config.pool = 0;
    for (size_t i = 0; i < 2; i++) {
        fake_wait_ms(t.loop, 5);
        accident = (struct accident){.happens = accidents[i]};
        loop_timer_start(t.loop, &accident.timer, 20000, happen, NULL);
        play(returns);
        loop_timer_stop(t.loop, &accident.timer);
        expect(VERDICT_INTERNAL, "The sandbox broke before the script started");
        assert_false(t.started);
        forget_run();
    }
}

static void test_out_of_memory(void **state) {
    (void)state;
    play(is_out_of_memory);
    expect(VERDICT_MEMORY, "Memory limit exceeded (300MB limit)");
}

static void test_out_of_memory_overrides_success_but_no_exception(void **state) {
    (void)state;
    t.zygote.flags = ENDED_OUT_OF_MEMORY;
    play(returns);
    expect(VERDICT_MEMORY, "Memory limit exceeded (300MB limit)");
    forget_run();
    play(raises);
    expect(VERDICT_EXCEPTION, "KeyError: 'x'");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_less_memory_is_set_first),
        TEST(test_no_script_without_its_limit),
        TEST(test_worker_that_breaks_while_its_limit_is_set),
        TEST(test_out_of_memory),
        TEST(test_out_of_memory_overrides_success_but_no_exception),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
