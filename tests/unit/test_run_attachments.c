/* run: the figures, files and notes that a worker sends come with the answer; one that must not be
 * there is the end of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "played_run.h"

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

static void test_attachments(void **state) {
    (void)state;
    t.wants_files = true;
    play(sends_all_there_is);
    t.wants_files = false;
    expect(VERDICT_SUCCESS, "");
    assert_int_equal(t.figures, 1);
    assert_int_equal(t.files, 1);
    assert_string_equal(t.note, "noted");
    assert_string_equal(t.result, "{\"a\": 12345678901234567890123}");
    forget_run();
    play(sends_a_figure_and_raises);
    expect(VERDICT_EXCEPTION, "KeyError: 'x'");
    forget_run();
    play(refuses_its_args);
    expect(VERDICT_INVALID_REQUEST, "Field 'args'");
}

static void test_broken_attachments(void **state) {
    void (*const workers[])(struct fake_worker *) = {
        says_a_server_frame, sends_no_png,         sends_an_empty_note,    sends_two_notes,
        sends_a_file_twice,  sends_too_many_files, sends_too_many_figures, sends_no_name};
    (void)state;
    t.wants_files = true;
    for (size_t i = 0; i < sizeof(workers) / sizeof(workers[0]); i++) {
        play(workers[i]);
        expect(VERDICT_EXITED, "Script ended without returning a result");
        forget_run();
    }
    for (bad_name = 0; bad_name < sizeof(bad_names) / sizeof(bad_names[0]); bad_name++) {
        play(sends_a_bad_name);
        expect(VERDICT_EXITED, "Script ended without returning a result");
        forget_run();
    }
    t.wants_files = false;
    play(sends_a_file_unasked);
    expect(VERDICT_EXITED, "Script ended without returning a result");
    forget_run();
    play(sends_large_figures);
    expect(VERDICT_OUTPUT, "Output limit exceeded (1MB limit)");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_attachments),
        TEST(test_broken_attachments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
