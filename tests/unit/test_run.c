/* run: every way in which a script can end, against a worker that does just that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "config.h"
#include "fake_zygote.h"
#include "request.h"
#include "run.h"

static struct {
    struct loop *loop;
    struct pool *pool;
    struct config config;
    struct fake_zygote zygote;
    struct run run;
    unsigned answers;
    enum verdict verdict;
    bool started;
    char note[512];
    unsigned figures, files;
    char message[512], traceback[512], result[512];
    size_t stdout_size, stderr_size;
    uint64_t memory_bytes; /* asked for */
    int64_t timeout_us;
} t;

static void copy_text(char *to, const struct buf *from) {
    size_t size = from->size < 511 ? from->size : 511;
    if (size > 0)
        memcpy(to, from->data, size);
    to[size] = '\0';
}

static void on_done(void *context, struct outcome *outcome) {
    assert_ptr_equal(context, &t);
    t.answers++;
    t.verdict = outcome->verdict;
    t.started = outcome->started;
    copy_text(t.message, &outcome->message);
    copy_text(t.traceback, &outcome->traceback);
    copy_text(t.result, &outcome->result);
    copy_text(t.note, &outcome->note);
    t.figures = outcome->attachments.figures;
    t.files = outcome->attachments.files;
    t.stdout_size = outcome->stdout_bytes.size;
    t.stderr_size = outcome->stderr_bytes.size;
    loop_stop(t.loop);
}

static int set_up(void **state) {
    (void)state;
    memset(&t, 0, sizeof(t));
    config_init(&t.config);
    t.config.slots = 2;
    t.config.pool = 1;
    t.memory_bytes = t.config.memory_mb << 20;
    t.timeout_us = 60000000; /* no test waits for it that does not say so */
    t.config.output_mb = 1;
    assert_int_equal(loop_new(&t.loop), 0);
    assert_int_equal(pool_new(t.loop, &t.config, &t.pool), 0);
    fake_zygote_init(&t.zygote, t.loop);
    assert_int_equal(pool_zygote_take(t.pool, t.zygote.server_end), 0);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    run_done(&t.run);
    fake_zygote_done(&t.zygote);
    pool_free(t.pool);
    loop_free(t.loop);
    return 0;
}

static bool want_files;

static void start(const char *script) {
    struct request request = {.script = strdup(script),
                              .script_size = strlen(script),
                              .timeout_us = t.timeout_us,
                              .memory_bytes = t.memory_bytes};
    if (want_files)
        request.inputs = (struct inputs){.patterns = strdup("*"), .patterns_size = 1};
    run_start(&t.run, t.loop, t.pool, &t.config, &request, loop_now_us() + 60 * 1000000LL, on_done,
              &t);
    assert_null(request.script);
    assert_int_equal(t.answers, 0);
}

/* Runs one script to its answer. */
static void play(void (*on_script)(struct fake_worker *worker)) {
    t.zygote.on_script = on_script;
    start("def main(): pass");
    loop_run(t.loop);
    assert_int_equal(t.answers, 1);
    fake_wait_ms(t.loop, 5);
    assert_int_equal(t.answers, 1);
}

static void expect(enum verdict verdict, const char *message) {
    assert_int_equal(t.verdict, verdict);
    assert_string_equal(t.message, message);
}

/* ---- what a worker does ---- */

static void say(struct fake_worker *worker, uint32_t type, const char *text, size_t size) {
    assert_int_equal(write(worker->out, "out\n", 4), 4);
    assert_int_equal(write(worker->err, "err", 3), 3);
    fake_frame(worker, type, text, size);
}
#define WORKER(name, type, text)                                                                   \
    static void name(struct fake_worker *worker) {                                                 \
        say(worker, type, text, sizeof(text) - 1);                                                 \
    }
WORKER(returns, FRAME_RESULT, "{\"a\": 12345678901234567890123}")
WORKER(returns_two_values, FRAME_RESULT, "1 2")
WORKER(returns_nothing, FRAME_RESULT, "")
WORKER(raises, FRAME_ERROR, "exception\0KeyError: 'x'\0Traceback")
WORKER(has_no_main, FRAME_ERROR, "no_main\0Script must contain a 'main()' function\0")
WORKER(claims_memory, FRAME_ERROR, "memory\0anything\0")
WORKER(claims_output, FRAME_ERROR, "output\0anything\0")
WORKER(claims_success, FRAME_ERROR, "success\0anything\0")
WORKER(claims_internal, FRAME_ERROR, "internal\0anything\0")
WORKER(says_two_texts, FRAME_ERROR, "exception\0KeyError")
WORKER(says_ready_again, FRAME_READY, "")
WORKER(says_a_server_frame, FRAME_FILE, "a")
WORKER(sends_no_png, FRAME_FIGURE, "\x89PNG")
WORKER(sends_a_file_unasked, FRAME_RETURNED, "a\0b")
WORKER(sends_an_empty_note, FRAME_NOTE, "")
WORKER(refuses_its_args, FRAME_ERROR, "invalid_request\0Field 'args'\0")

#define PNG "\x89PNG\r\n\x1a\n"

static void sends(struct fake_worker *worker, uint32_t type, const char *text) {
    fake_frame(worker, type, text, strlen(text));
}
static void sends_two_notes(struct fake_worker *worker) {
    sends(worker, FRAME_NOTE, "a");
    sends(worker, FRAME_NOTE, "b");
}
static void sends_too_many_figures(struct fake_worker *worker) {
    for (unsigned i = 0; i <= FIGURES_MOST; i++)
        sends(worker, FRAME_FIGURE, PNG);
}
static void sends_too_many_files(struct fake_worker *worker) {
    char bytes[8];
    for (unsigned i = 0; i <= RETURNED_MOST; i++)
        fake_frame(worker, FRAME_RETURNED, bytes, (size_t)sprintf(bytes, "%u", i) + 1);
}
static void sends_a_file_twice(struct fake_worker *worker) {
    fake_frame(worker, FRAME_RETURNED, "a\0b", 3);
    fake_frame(worker, FRAME_RETURNED, "a\0b", 3);
}
static void sends_all_there_is(struct fake_worker *worker) {
    sends(worker, FRAME_FIGURE, PNG "1");
    fake_frame(worker, FRAME_RETURNED, "a\0b", 3);
    sends(worker, FRAME_NOTE, "noted");
    returns(worker);
}
static void sends_a_figure_and_raises(struct fake_worker *worker) {
    sends(worker, FRAME_FIGURE, PNG);
    raises(worker);
}
/* Two figures that are over the limit only together. */
static void sends_large_figures(struct fake_worker *worker) {
    static char large[600 << 10] = PNG;
    struct frame_header header = {.type = FRAME_FIGURE, .size = sizeof(large)};
    int room = 4 << 20;
    assert_int_equal(setsockopt(worker->channel, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room)),
                     0);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(write(worker->channel, &header, sizeof(header)), sizeof(header));
        assert_int_equal(write(worker->channel, large, sizeof(large)), sizeof(large));
    }
}
static const char *const bad_names[] = {"",    "/a",   "../a", "a/..",
                                        "a\n", "a//b", "\xff", "a/\xed\xa0\x80"};
static size_t bad_name;
static void sends_a_bad_name(struct fake_worker *worker) {
    fake_frame(worker, FRAME_RETURNED, bad_names[bad_name], strlen(bad_names[bad_name]) + 1);
}
static void sends_no_name(struct fake_worker *worker) {
    sends(worker, FRAME_RETURNED, "a");
}

static void sends_header(struct fake_worker *worker, uint32_t type, uint32_t size) {
    struct frame_header header = {.type = type, .size = size};
    assert_int_equal(write(worker->channel, &header, sizeof(header)), sizeof(header));
}
static void promises_too_long_a_result(struct fake_worker *worker) {
    sends_header(worker, FRAME_RESULT, (1u << 20) + 1);
}
static void promises_too_long_an_error(struct fake_worker *worker) {
    sends_header(worker, FRAME_ERROR, UINT32_MAX);
}
static void leaves_with_3(struct fake_worker *worker) {
    fake_end(worker, ENDED_STATUS_KNOWN, 3 << 8);
}
static void crashes(struct fake_worker *worker) {
    fake_end(worker, ENDED_STATUS_KNOWN, 11);
}
static void is_out_of_memory(struct fake_worker *worker) {
    fake_end(worker, ENDED_STATUS_KNOWN | ENDED_OUT_OF_MEMORY, 9);
}
static void returns_and_leaves(struct fake_worker *worker) {
    returns(worker);
    fake_end(worker, ENDED_STATUS_KNOWN, 0);
}
static void leaves_in_the_middle(struct fake_worker *worker) {
    sends_header(worker, FRAME_RESULT, 100);
    fake_end(worker, ENDED_STATUS_KNOWN, 0);
}
static void closes_its_channel(struct fake_worker *worker) {
    loop_file_remove(t.loop, &worker->file);
    shutdown(worker->channel, SHUT_RDWR);
}
/* As if it had run for so long. */
static void closes_its_channel_at_its_limit(struct fake_worker *worker) {
    t.run.started_us -= t.timeout_us;
    closes_its_channel(worker);
}
static void sleeps(struct fake_worker *worker) {
    (void)worker;
}
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

/* ---- the tests ---- */

static void test_result(void **state) {
    (void)state;
    play(returns);
    expect(VERDICT_SUCCESS, "");
    assert_string_equal(t.result, "{\"a\": 12345678901234567890123}");
    assert_int_equal(t.stdout_size, 4);
    assert_int_equal(t.stderr_size, 3);
    assert_int_equal(t.zygote.killed, 1);
}

static void test_result_is_found_after_the_end(void **state) {
    (void)state;
    play(returns_and_leaves);
    expect(VERDICT_SUCCESS, "");
    assert_int_equal(t.stdout_size, 4);
}

static void test_result_waits_for_the_end(void **state) {
    (void)state;
    t.zygote.immortal = true;
    t.zygote.on_script = returns;
    start("x");
    fake_wait_ms(t.loop, 100);
    assert_int_equal(t.zygote.killed, 1);
    assert_int_equal(t.answers, 0);
    fake_end(&t.zygote.workers[t.run.claim.worker->slot], 0, 0);
    loop_run(t.loop);
    expect(VERDICT_SUCCESS, "");
}

static void test_bad_results(void **state) {
    (void)state;
    play(returns_two_values);
    assert_int_equal(t.verdict, VERDICT_BAD_RESULT);
    run_done(&t.run);
    t.answers = 0;
    play(returns_nothing);
    assert_int_equal(t.verdict, VERDICT_BAD_RESULT);
}

static void test_error(void **state) {
    (void)state;
    play(raises);
    expect(VERDICT_EXCEPTION, "KeyError: 'x'");
    assert_string_equal(t.traceback, "Traceback");
    assert_true(t.started);
}

static void test_no_main_has_not_started(void **state) {
    (void)state;
    play(has_no_main);
    expect(VERDICT_NO_MAIN, "Script must contain a 'main()' function");
    assert_false(t.started);
}

static void test_claimed_limits_get_our_text(void **state) {
    (void)state;
    play(claims_memory);
    expect(VERDICT_MEMORY, "Memory limit exceeded (300MB limit)");
    run_done(&t.run);
    t.answers = 0;
    play(claims_output);
    expect(VERDICT_OUTPUT, "Output limit exceeded (1MB limit)");
}

static void test_broken_frames(void **state) {
    void (*const workers[])(struct fake_worker *) = {claims_success, claims_internal,
                                                     says_two_texts, says_ready_again,
                                                     promises_too_long_an_error};
    (void)state;
    for (size_t i = 0; i < sizeof(workers) / sizeof(workers[0]); i++) {
        play(workers[i]);
        expect(VERDICT_EXITED, "Script ended without returning a result");
        run_done(&t.run);
        t.answers = 0;
    }
}

static void test_attachments(void **state) {
    (void)state;
    want_files = true;
    play(sends_all_there_is);
    want_files = false;
    expect(VERDICT_SUCCESS, "");
    assert_int_equal(t.figures, 1);
    assert_int_equal(t.files, 1);
    assert_string_equal(t.note, "noted");
    assert_string_equal(t.result, "{\"a\": 12345678901234567890123}");
    run_done(&t.run);
    t.answers = 0;
    play(sends_a_figure_and_raises);
    expect(VERDICT_EXCEPTION, "KeyError: 'x'");
    run_done(&t.run);
    t.answers = 0;
    play(refuses_its_args);
    expect(VERDICT_INVALID_REQUEST, "Field 'args'");
}

static void test_broken_attachments(void **state) {
    void (*const workers[])(struct fake_worker *) = {
        says_a_server_frame, sends_no_png,         sends_an_empty_note,    sends_two_notes,
        sends_a_file_twice,  sends_too_many_files, sends_too_many_figures, sends_no_name};
    (void)state;
    want_files = true;
    for (size_t i = 0; i < sizeof(workers) / sizeof(workers[0]); i++) {
        play(workers[i]);
        expect(VERDICT_EXITED, "Script ended without returning a result");
        run_done(&t.run);
        t.answers = 0;
    }
    for (bad_name = 0; bad_name < sizeof(bad_names) / sizeof(bad_names[0]); bad_name++) {
        play(sends_a_bad_name);
        expect(VERDICT_EXITED, "Script ended without returning a result");
        run_done(&t.run);
        t.answers = 0;
    }
    want_files = false;
    play(sends_a_file_unasked);
    expect(VERDICT_EXITED, "Script ended without returning a result");
    run_done(&t.run);
    t.answers = 0;
    play(sends_large_figures);
    expect(VERDICT_OUTPUT, "Output limit exceeded (1MB limit)");
}

static void test_result_over_the_cap(void **state) {
    (void)state;
    play(promises_too_long_a_result);
    expect(VERDICT_OUTPUT, "Output limit exceeded (1MB limit)");
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
        run_done(&t.run);
        t.answers = 0;
    }
}

static void test_less_memory_is_set_first(void **state) {
    (void)state;
    play(claims_memory);
    assert_int_equal(t.zygote.memory_bytes, 0); /* the service's own: nobody is asked */
    run_done(&t.run);
    t.answers = 0;
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
    loop_timer_start(t.loop, &accident.timer, 200000, happen, NULL);
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
        run_done(&t.run);
        t.answers = 0;
    }
}

static void test_output_over_the_cap(void **state) {
    (void)state;
    play(prints_for_ever);
    expect(VERDICT_OUTPUT, "Output limit exceeded (1MB limit)");
    assert_int_equal(t.stdout_size, 1 << 20);
}

static void test_ends(void **state) {
    (void)state;
    play(leaves_with_3);
    expect(VERDICT_EXITED,
           "Script ended the interpreter with exit status 3 before main() returned");
    run_done(&t.run);
    t.answers = 0;
    play(crashes);
    expect(VERDICT_KILLED, "Script was killed by signal 11 (SIGSEGV)");
    run_done(&t.run);
    t.answers = 0;
    play(leaves_in_the_middle);
    expect(VERDICT_EXITED,
           "Script ended the interpreter with exit status 0 before main() returned");
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
    run_done(&t.run);
    t.answers = 0;
    play(raises);
    expect(VERDICT_EXCEPTION, "KeyError: 'x'");
}

static void test_closed_channel(void **state) {
    (void)state;
    int64_t start_us = loop_now_us();
    play(closes_its_channel);
    expect(VERDICT_EXITED, "Script ended without returning a result");
    assert_true(loop_now_us() - start_us < 20000000);
}

static void test_closed_channel_gives_little_overtime(void **state) {
    (void)state;
    t.zygote.on_script = closes_its_channel_at_its_limit;
    start("x");
    fake_wait_ms(t.loop, 20);
    int64_t limit_us = t.run.started_us + t.timeout_us;
    assert_true(t.run.state != RUN_RUNNING || t.run.timer.due_us < limit_us + 2000000);
    while (t.answers == 0)
        fake_wait_ms(t.loop, 20);
    expect(VERDICT_EXITED, "Script ended without returning a result");
}

static void test_timeout(void **state) {
    (void)state;
    t.timeout_us = 1000000;
    int64_t start_us = loop_now_us();
    play(sleeps);
    expect(VERDICT_TIMEOUT, "Script execution timed out (1s limit)");
    assert_true(loop_now_us() - start_us >= 1000000);
    assert_int_equal(t.zygote.killed, 1);
}

static void test_stop(void **state) {
    (void)state;
    t.zygote.on_script = sleeps;
    start("x");
    fake_wait_ms(t.loop, 50);
    run_stop(&t.run, VERDICT_OVERLOADED, "enough");
    assert_int_equal(t.answers, 0);
    loop_run(t.loop);
    expect(VERDICT_OVERLOADED, "enough");
}

static void test_lost_zygote(void **state) {
    (void)state;
    t.zygote.on_script = sleeps;
    start("x");
    fake_wait_ms(t.loop, 50);
    fake_zygote_done(&t.zygote);
    loop_run(t.loop);
    expect(VERDICT_INTERNAL, "The sandbox stopped before the script ended");
}

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

static struct fake_worker *taken(void) {
    return &t.zygote.workers[t.run.claim.worker->slot];
}

/* Its worker gets the script, but does not read it. */
static struct fake_worker *start_unread(void) {
    t.zygote.deaf = true;
    while (pool_ready_count(t.pool) == 0)
        fake_wait_ms(t.loop, 5);
    start("def main(): pass");
    assert_int_equal(t.run.state, RUN_RUNNING);
    return taken();
}

static void test_another_worker_takes_what_was_not_begun(void **state) {
    (void)state;
    struct fake_worker *first = start_unread();
    t.zygote.deaf = false;
    t.zygote.on_script = returns;
    fake_end(first, ENDED_STATUS_KNOWN, 9);
    loop_run(t.loop);
    expect(VERDICT_SUCCESS, "");
    assert_int_equal(t.stdout_size, 4);
    fake_wait_ms(t.loop, 20);
    assert_int_equal(t.answers, 1);
}

static void test_another_worker_takes_what_could_not_be_sent(void **state) {
    (void)state;
    while (pool_ready_count(t.pool) == 0)
        fake_wait_ms(t.loop, 5);
    t.zygote.on_script = returns;
    for (int i = 0; i < FAKE_SLOTS; i++)
        if (t.zygote.workers[i].alive)
            fake_end(&t.zygote.workers[i], ENDED_STATUS_KNOWN, 9);
    start("def main(): pass"); /* before the loop has heard of it */
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

/* It would be too much for the next one as well. */
static void test_what_is_too_much_is_not_begun_anew(void **state) {
    (void)state;
    fake_end(start_unread(), ENDED_STATUS_KNOWN | ENDED_OUT_OF_MEMORY, 9);
    loop_run(t.loop);
    expect(VERDICT_MEMORY, "Memory limit exceeded (300MB limit)");
    assert_false(t.started);
    assert_int_equal(t.run.began_anew, 0);
}

/* Until then another worker may have to be given it. */
static void test_request_is_kept_until_the_first_byte(void **state) {
    (void)state;
    t.zygote.on_script = sleeps;
    start("script");
    fake_wait_ms(t.loop, 50);
    assert_true(t.run.input.all_sent);
    assert_int_equal(run_request_bytes(&t.run), 6);
    assert_int_equal(write(taken()->out, "x", 1), 1);
    fake_wait_ms(t.loop, 5);
    assert_int_equal(run_request_bytes(&t.run), 0);
    assert_int_equal(t.run.state, RUN_RUNNING);
    fake_end(taken(), ENDED_STATUS_KNOWN, 3 << 8);
    loop_run(t.loop);
    assert_int_equal(t.verdict, VERDICT_EXITED);
}

static void test_request_that_was_read_can_be_reclaimed(void **state) {
    char read[100];
    (void)state;
    struct fake_worker *worker = start_unread();
    run_reclaim(&t.run);
    assert_int_not_equal(run_request_bytes(&t.run), 0);
    assert_int_not_equal(recv(worker->channel, read, 10, 0), -1);
    run_reclaim(&t.run);
    assert_int_not_equal(run_request_bytes(&t.run), 0);
    assert_true(recv(worker->channel, read, sizeof(read), 0) > 0);
    run_reclaim(&t.run);
    assert_int_equal(run_request_bytes(&t.run), 0);
    fake_end(worker, ENDED_STATUS_KNOWN, 9);
    loop_run(t.loop);
    expect(VERDICT_KILLED, "Script was killed by signal 9 (SIGKILL)");
}

/* Then nothing is in the channel any more, though it was not read. */
static void test_request_of_a_dead_worker_is_not_reclaimed(void **state) {
    (void)state;
    struct fake_worker *first = start_unread();
    t.zygote.deaf = false;
    t.zygote.on_script = returns;
    fake_end(first, ENDED_STATUS_KNOWN, 9);
    run_reclaim(&t.run);
    loop_run(t.loop);
    expect(VERDICT_SUCCESS, "");
    assert_int_equal(t.run.began_anew, 1);
}

static void test_request_is_given_up_with_the_verdict(void **state) {
    (void)state;
    t.timeout_us = 1000000;
    t.zygote.immortal = true;
    t.zygote.on_script = sleeps;
    start("script");
    while (t.run.state != RUN_ENDING)
        fake_wait_ms(t.loop, 50);
    assert_int_equal(run_request_bytes(&t.run), 0);
}

static void test_it_is_begun_anew_so_often(void **state) {
    (void)state;
    struct fake_worker *worker = start_unread();
    for (uint64_t i = 0; i < config_total_slots(&t.config); i++) {
        uint64_t run = worker->run;
        fake_end(worker, ENDED_STATUS_KNOWN, 9);
        while (t.run.state != RUN_RUNNING || taken()->run == run)
            fake_wait_ms(t.loop, 1);
        worker = taken();
    }
    assert_int_equal(t.answers, 0);
    fake_end(worker, ENDED_STATUS_KNOWN, 9);
    loop_run(t.loop);
    assert_int_equal(t.verdict, VERDICT_INTERNAL);
    fake_wait_ms(t.loop, 20);
    assert_int_equal(t.answers, 1);
}

/* Not as often as those that waited: each is a start that takes time. */
static void test_a_start_that_fails_is_tried_once_more(void **state) {
    (void)state;
    t.zygote.mute = true;
    start("script");
    while (t.answers == 0) {
        fake_wait_ms(t.loop, 5);
        for (int i = 0; i < FAKE_SLOTS; i++)
            if (t.zygote.workers[i].alive)
                fake_end(&t.zygote.workers[i], ENDED_STATUS_KNOWN, 9);
    }
    expect(VERDICT_INTERNAL, "The sandbox could not be set up (stage unknown)");
    assert_int_equal(t.run.began_anew, 1);
}

static void test_what_has_begun_is_not_begun_anew(void **state) {
    (void)state;
    t.zygote.on_script = sleeps;
    start("x");
    fake_wait_ms(t.loop, 50);
    fake_end(taken(), ENDED_STATUS_KNOWN, 9);
    loop_run(t.loop);
    expect(VERDICT_KILLED, "Script was killed by signal 9 (SIGKILL)");
}

static void test_result_before_the_zygote_was_lost(void **state) {
    (void)state;
    t.zygote.on_script = sleeps;
    start("x");
    fake_wait_ms(t.loop, 50);
    struct fake_worker *worker = taken();
    fake_frame(worker, FRAME_RESULT, "1", 1);
    fake_zygote_done(&t.zygote);
    loop_run(t.loop);
    expect(VERDICT_SUCCESS, "");
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_result),
        TEST(test_result_is_found_after_the_end),
        TEST(test_result_waits_for_the_end),
        TEST(test_bad_results),
        TEST(test_error),
        TEST(test_no_main_has_not_started),
        TEST(test_claimed_limits_get_our_text),
        TEST(test_broken_frames),
        TEST(test_attachments),
        TEST(test_broken_attachments),
        TEST(test_inputs_are_sent_in_order),
        TEST(test_result_over_the_cap),
        TEST(test_output_over_the_cap),
        TEST(test_output_that_cannot_be_kept),
        TEST(test_less_memory_is_set_first),
        TEST(test_no_script_without_its_limit),
        TEST(test_worker_that_breaks_while_its_limit_is_set),
        TEST(test_ends),
        TEST(test_out_of_memory),
        TEST(test_out_of_memory_overrides_success_but_no_exception),
        TEST(test_closed_channel),
        TEST(test_closed_channel_gives_little_overtime),
        TEST(test_timeout),
        TEST(test_stop),
        TEST(test_lost_zygote),
        TEST(test_another_worker_takes_what_was_not_begun),
        TEST(test_another_worker_takes_what_could_not_be_sent),
        TEST(test_another_worker_takes_all_inputs),
        TEST(test_another_worker_takes_what_was_sent_in_part),
        TEST(test_what_is_too_much_is_not_begun_anew),
        TEST(test_request_is_kept_until_the_first_byte),
        TEST(test_request_that_was_read_can_be_reclaimed),
        TEST(test_request_of_a_dead_worker_is_not_reclaimed),
        TEST(test_request_is_given_up_with_the_verdict),
        TEST(test_it_is_begun_anew_so_often),
        TEST(test_a_start_that_fails_is_tried_once_more),
        TEST(test_what_has_begun_is_not_begun_anew),
        TEST(test_result_before_the_zygote_was_lost),
        TEST(test_script_is_sent_in_parts),
        TEST(test_a_listener_hears_what_is_printed),
        TEST(test_a_listener_who_has_enough_is_left_alone),
        TEST(test_a_listener_may_leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
