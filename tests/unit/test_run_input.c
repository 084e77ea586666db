/* run: a worker gets all of a request, in order and however little is taken at once; so does
 * another one if the first is gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "played_run.h"

static void sees_its_script(struct fake_worker *worker) {
    struct frame_header header;
    memcpy(&header, worker->input, sizeof(header));
    assert_int_equal(header.type, FRAME_SCRIPT);
    assert_int_equal(worker->input_size, header.size + 2 * sizeof(header));
    for (size_t i = 0; i < header.size; i++)
        assert_int_equal(worker->input[sizeof(header) + i], 'a' + (char)(i % 26));
    fake_frame(worker, FRAME_RESULT, "1", 1);
}

static const char *const input_frames[] = {"script", "[1]", "line\n", "*\0b", "a\0one", "b\0two"};
static const size_t input_sizes[] = {6, 3, 5, 3, 5, 5};
static const uint32_t input_types[] = {FRAME_SCRIPT, FRAME_ARGS, FRAME_STDIN,
                                       FRAME_RETURN, FRAME_FILE, FRAME_FILE};

static void sees_its_inputs(struct fake_worker *worker) {
    const char *at = worker->input;
    struct frame_header header;
    for (size_t i = 0; i < 6; i++) {
        memcpy(&header, at, sizeof(header));
        assert_int_equal(header.type, input_types[i]);
        assert_int_equal(header.size, input_sizes[i]);
        assert_memory_equal(at + sizeof(header), input_frames[i], header.size);
        at += sizeof(header) + header.size;
    }
    assert_int_equal(worker->input_size, at + sizeof(header) - worker->input);
    fake_frame(worker, FRAME_RESULT, "1", 1);
}

static char *copy_of(size_t frame) {
    char *copy = malloc(input_sizes[frame]);
    assert_non_null(copy);
    return memcpy(copy, input_frames[frame], input_sizes[frame]);
}

static void start_with_inputs(void) {
    struct request request = {.script = copy_of(0),
                              .script_size = 6,
                              .timeout_us = t.timeout_us,
                              .memory_bytes = t.memory_bytes};
    struct inputs *inputs = &request.inputs;
    *inputs = (struct inputs){.args = copy_of(1),
                              .args_size = 3,
                              .stdin_bytes = copy_of(2),
                              .stdin_size = 5,
                              .patterns = copy_of(3),
                              .patterns_size = 3,
                              .files = calloc(2, sizeof(struct input_file)),
                              .file_count = 2};
    for (size_t i = 0; i < 2; i++)
        inputs->files[i] = (struct input_file){.bytes = copy_of(4 + i), .name_size = 1, .size = 5};
    assert_int_equal(request_held_bytes(&request), 6 + 3 + 5 + 3 + 10);
    run_start(&t.run, t.loop, t.pool, &t.config, &request, loop_now_us() + 60 * 1000000LL, on_done,
              &t);
}

static void test_inputs_are_sent_in_order(void **state) {
    (void)state;
    t.zygote.on_script = sees_its_inputs;
    start_with_inputs();
    loop_run(t.loop);
    expect(VERDICT_SUCCESS, "");
    assert_int_equal(run_request_bytes(&t.run), 0);
}

/* More than the socket takes at once. */
static void test_script_is_sent_in_parts(void **state) {
    static char script[120001];
    int small = 4096;
    (void)state;
    for (size_t i = 0; i < sizeof(script) - 1; i++)
        script[i] = 'a' + (char)(i % 26);
    t.zygote.on_script = sees_its_script;
    while (pool_ready_count(t.pool) == 0)
        fake_wait_ms(t.loop, 5);
    for (int fd = 3; fd < 64; fd++)
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
    start(script);
    assert_true(t.run.input.sent_size < sizeof(script) - 1);
    loop_run(t.loop);
    expect(VERDICT_SUCCESS, "");
}

static void test_another_worker_takes_all_inputs(void **state) {
    (void)state;
    t.zygote.deaf = true;
    while (pool_ready_count(t.pool) == 0)
        fake_wait_ms(t.loop, 5);
    start_with_inputs();
    struct fake_worker *first = taken();
    t.zygote.deaf = false;
    t.zygote.on_script = sees_its_inputs;
    fake_end(first, ENDED_STATUS_KNOWN, 9);
    loop_run(t.loop);
    expect(VERDICT_SUCCESS, "");
    assert_int_equal(t.run.began_anew, 1);
}

/* What the first one has read of it does not count. */
static void test_another_worker_takes_what_was_sent_in_part(void **state) {
    static char script[120001], read[sizeof(script)];
    int small = 4096;
    (void)state;
    for (size_t i = 0; i < sizeof(script) - 1; i++)
        script[i] = 'a' + (char)(i % 26);
    t.zygote.deaf = true;
    while (pool_ready_count(t.pool) == 0)
        fake_wait_ms(t.loop, 5);
    for (int fd = 3; fd < 64; fd++)
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
    start(script);
    struct fake_worker *first = taken();
    while (recv(first->channel, read, sizeof(read), MSG_DONTWAIT) > 0)
        ;
    assert_false(t.run.input.all_sent);
    t.zygote.deaf = false;
    t.zygote.on_script = sees_its_script;
    fake_end(first, ENDED_STATUS_KNOWN, 9);
    loop_run(t.loop);
    expect(VERDICT_SUCCESS, "");
    assert_int_equal(t.run.began_anew, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_inputs_are_sent_in_order),
        TEST(test_script_is_sent_in_parts),
        TEST(test_another_worker_takes_all_inputs),
        TEST(test_another_worker_takes_what_was_sent_in_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
