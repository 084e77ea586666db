/* run: what is printed comes with the answer, up to the cap, and to one who listens meanwhile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "played_run.h"

static void prints(void *context, uint32_t events) {
    struct fake_worker *worker = context;
    static char page[4096];
    (void)events;
    assert_int_equal(write(worker->out, page, sizeof(page)), sizeof(page));
}
static void prints_for_ever(struct fake_worker *worker) {
    loop_file_remove(t.loop, &worker->file);
    loop_file_add(t.loop, &worker->file, worker->out, EPOLLOUT, prints, worker);
}

static void test_output_over_the_cap(void **state) {
    (void)state;
    play(prints_for_ever);
    expect(VERDICT_OUTPUT, "Output limit exceeded (1MB limit)");
    assert_int_equal(t.stdout_size, 1 << 20);
}

/* Not the script's fault. A buffer that takes less than the limit stands for memory that is out. */
static void test_output_that_cannot_be_kept(void **state) {
    void (*const workers[])(struct fake_worker *) = {prints_for_ever, returns_and_leaves};
    (void)state;
    for (size_t i = 0; i < sizeof(workers) / sizeof(workers[0]); i++) {
        t.zygote.on_script = workers[i];
        start("x");
        t.run.outcome.stdout_bytes.ceiling = 3;
        loop_run(t.loop);
        expect(VERDICT_INTERNAL, "The service is out of memory");
        forget_run();
    }
}

/* ---- one who listens ---- */

static struct {
    unsigned begun;
    bool enough;
    char text[64];
    struct fake_worker *worker;
} heard;

static void hear_begun(void *context) {
    assert_ptr_equal(context, &heard);
    heard.begun++;
}

static bool hear(void *context, bool is_stderr, const char *bytes, size_t size) {
    assert_ptr_equal(context, &heard);
    if (is_stderr)
        strcat(heard.text, "!");
    strncat(heard.text, bytes, size);
    return !heard.enough;
}

static const struct run_tap ear = {&heard, hear_begun, hear};

static void print_there(struct fake_worker *worker) {
    heard.worker = worker;
}

static void print_now(int fd, const char *text) {
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    fake_wait_ms(t.loop, 5);
}

static void begin_to_hear(void) {
    memset(&heard, 0, sizeof(heard));
    t.zygote.on_script = print_there;
    start("def main(): pass");
    run_set_tap(&t.run, &ear);
    for (int i = 0; i < 200 && !heard.worker; i++)
        fake_wait_ms(t.loop, 5);
    assert_non_null(heard.worker);
    assert_int_equal(heard.begun, 1);
}

static void test_a_listener_hears_what_is_printed(void **state) {
    (void)state;
    begin_to_hear();
    print_now(heard.worker->out, "a");
    print_now(heard.worker->err, "b");
    assert_string_equal(heard.text, "a!b");
    fake_frame(heard.worker, FRAME_RESULT, "1", 1);
    loop_run(t.loop);
    expect(VERDICT_SUCCESS, "");
    assert_int_equal(t.stdout_size + t.stderr_size, 2);
}

static void test_a_listener_who_has_enough_is_left_alone(void **state) {
    (void)state;
    begin_to_hear();
    heard.enough = true;
    print_now(heard.worker->out, "a");
    print_now(heard.worker->out, "b");
    print_now(heard.worker->err, "c");
    assert_string_equal(heard.text, "a");
    heard.enough = false;
    run_resume_output(&t.run);
    fake_wait_ms(t.loop, 5);
    assert_string_equal(heard.text, "ab!c");
    heard.enough = true;
    print_now(heard.worker->out, "d");
    print_now(heard.worker->out, "e");
    assert_string_equal(heard.text, "ab!cd");
    /* At the end the rest comes whether or not it is wanted. */
    fake_frame(heard.worker, FRAME_RESULT, "1", 1);
    loop_run(t.loop);
    expect(VERDICT_SUCCESS, "");
    assert_string_equal(heard.text, "ab!cde");
    assert_int_equal(t.stdout_size, 4);
    run_resume_output(&t.run);
}

static void test_a_listener_may_leave(void **state) {
    (void)state;
    begin_to_hear();
    run_set_tap(&t.run, NULL);
    print_now(heard.worker->out, "a");
    assert_string_equal(heard.text, "");
    fake_frame(heard.worker, FRAME_RESULT, "1", 1);
    loop_run(t.loop);
    assert_int_equal(t.stdout_size, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_output_over_the_cap),
        TEST(test_output_that_cannot_be_kept),
        TEST(test_a_listener_hears_what_is_printed),
        TEST(test_a_listener_who_has_enough_is_left_alone),
        TEST(test_a_listener_may_leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
