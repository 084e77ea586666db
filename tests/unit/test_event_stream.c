/* event_stream: pieces of any size in, events of any size of reads out. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "event_stream.h"
#include "response.h"

static struct event_stream stream;

static int set_up(void **state) {
    (void)state;
    event_stream_init(&stream, 1 << 20);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    event_stream_done(&stream);
    return 0;
}

static void add(bool is_stderr, const char *bytes, size_t size) {
    assert_int_equal(event_stream_add(&stream, is_stderr, bytes, size), 0);
}

static void out(const char *text) {
    add(false, text, strlen(text));
}

/* All that there is now, in reads of chunk bytes; static storage. */
static const char *drain(size_t chunk) {
    static char all[65536];
    size_t size = 0, got;
    while ((got = event_stream_read(&stream, all + size, chunk)) > 0) {
        size += got;
        assert_true(size + chunk < sizeof(all));
    }
    all[size] = '\0';
    return all;
}

static struct response *make(enum verdict verdict, const char *result) {
    struct outcome outcome;
    struct response *response;
    outcome_init(&outcome, 1000, 1000);
    outcome.verdict = verdict;
    outcome.started = true;
    assert_int_equal(buf_append_text(&outcome.result, result), 0);
    assert_int_equal(buf_append_text(&outcome.message, "why"), 0);
    assert_int_equal(response_new_take(&outcome, &response), 0);
    outcome_done(&outcome);
    return response;
}

static void events_come_in_order(void **state) {
    (void)state;
    static const char expected[] = "event: stdout\ndata: \"a\\n\\\"\"\n\n"
                                   "event: stderr\ndata: \"b\"\n\n"
                                   "event: stdout\ndata: \"c\"\n\n";
    for (size_t chunk = 1; chunk < 100; chunk++) {
        out("a\n\"");
        add(true, "b", 1);
        out("c");
        assert_true(event_stream_unread(&stream) > 5);
        assert_string_equal(drain(chunk), expected);
        assert_int_equal(event_stream_unread(&stream), 0);
        assert_string_equal(drain(chunk), "");
    }
}

static void what_waits_becomes_one_event(void **state) {
    (void)state;
    char bytes[7];
    out("a");
    out("b");
    /* What is being read is left alone. */
    assert_int_equal(event_stream_read(&stream, bytes, sizeof(bytes)), 7);
    out("c");
    out("d");
    assert_string_equal(drain(10), "stdout\ndata: \"ab\"\n\nevent: stdout\ndata: \"cd\"\n\n");
}

static void one_event_has_a_bounded_size(void **state) {
    (void)state;
    static char many[40000];
    static char all[200000];
    memset(many, 'x', sizeof(many));
    add(false, many, sizeof(many));
    add(false, many, sizeof(many));
    size_t size = event_stream_read(&stream, all, sizeof(all));
    all[size] = '\0';
    assert_int_equal(size, 2 * (sizeof(many) + strlen("event: stdout\ndata: \"\"\n\n")));
    assert_non_null(strstr(all + 30, "event: stdout"));
}

/* The text of all events of stdout, with \\n for a line's end as it stands there. */
static void join(const char *events, char *text) {
    static const char opening[] = "event: stdout\ndata: \"";
    *text = '\0';
    while (*events) {
        assert_memory_equal(events, opening, strlen(opening));
        const char *start = events + strlen(opening), *end = strstr(start, "\"\n\n");
        assert_non_null(end);
        assert_true(end > start);
        strncat(text, start, (size_t)(end - start));
        events = end + 3;
    }
}

static void expect_split(const char *bytes, size_t size, const char *expected) {
    char text[200];
    struct response *response = make(VERDICT_SUCCESS, "1");
    /* Each pair of borders, with a read between. */
    for (size_t first = 0; first <= size; first++)
        for (size_t second = first; second <= size; second++) {
            char events[1000] = "";
            size_t borders[] = {0, first, second, size};
            for (int i = 0; i < 3; i++) {
                add(false, bytes + borders[i], borders[i + 1] - borders[i]);
                strcat(events, drain(50));
            }
            assert_int_equal(event_stream_finish(&stream, response), 0);
            strcat(events, drain(50));
            char *last = strstr(events, "event: result\n");
            assert_non_null(last);
            *last = '\0';
            join(events, text);
            assert_string_equal(text, expected);
            event_stream_done(&stream);
            event_stream_init(&stream, 1 << 20);
            response_free(response);
            response = make(VERDICT_SUCCESS, "1");
        }
    response_free(response);
}

static void characters_are_whole(void **state) {
    (void)state;
    static const char whole[] = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z";
    static const char broken[] = "\xff\xc3(\xe2\x82\xf0\x9f\x98\x98\x80\xed\xa0\x80\xc0\xaf";
    static const char cut[] = "z\xf0\x9f\x98";
    expect_split(whole, strlen(whole), whole);
    expect_split(broken, strlen(broken),
                 "\xef\xbf\xbd\xef\xbf\xbd(\xef\xbf\xbd\xf0\x9f\x98\x98\xef\xbf\xbd"
                 "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    expect_split(cut, strlen(cut), "z\xef\xbf\xbd");
}

static void each_stream_has_its_own_rest(void **state) {
    (void)state;
    struct response *response = make(VERDICT_SUCCESS, "1");
    add(false, "\xc3", 1);
    add(true, "\xe2\x82", 2);
    assert_string_equal(drain(9), "");
    add(false, "\xa9", 1);
    assert_string_equal(drain(9), "event: stdout\ndata: \"\xc3\xa9\"\n\n");
    assert_int_equal(event_stream_finish(&stream, response), 0);
    assert_string_equal(drain(9), "event: stderr\ndata: \"\xef\xbf\xbd\"\n\n"
                                  "event: result\ndata: {\"result\": 1, \"stdout\": \"\"}\n\n");
    response_free(response);
}

static void the_last_is_the_answer_on_one_line(void **state) {
    (void)state;
    struct response *response = make(VERDICT_SUCCESS, "[1,\r\n2,\r3]\n");
    assert_int_equal(event_stream_finish(&stream, response), 0);
    assert_string_equal(drain(1),
                        "event: result\ndata: {\"result\": [1,  2, 3] , \"stdout\": \"\"}\n\n");
    response_free(response);
}

static void an_error_is_called_so(void **state) {
    (void)state;
    struct response *response = make(VERDICT_TIMEOUT, "");
    assert_int_equal(event_stream_finish(&stream, response), 0);
    assert_string_equal(
        drain(3),
        "event: error\ndata: {\"error\": \"why\", \"outcome\": \"timeout\", \"stdout\": \"\"}\n\n");
    assert_string_equal(drain(3), "");
    response_free(response);
}

static void a_beat_comes_when_nothing_else_does(void **state) {
    (void)state;
    char bytes[3];
    event_stream_beat(&stream);
    event_stream_beat(&stream);
    assert_int_equal(event_stream_read(&stream, bytes, 3), 3);
    event_stream_beat(&stream);
    assert_string_equal(drain(9), "\n");
    out("a");
    event_stream_beat(&stream);
    assert_string_equal(drain(9), "event: stdout\ndata: \"a\"\n\n");
}

static void the_ceiling_holds(void **state) {
    (void)state;
    event_stream_done(&stream);
    event_stream_init(&stream, 100);
    out("0123456789");
    char many[200] = "";
    assert_int_equal(event_stream_add(&stream, false, many, sizeof(many)), -ENOMEM);
    assert_int_equal(event_stream_unread(&stream), 18);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(events_come_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_waits_becomes_one_event, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_event_has_a_bounded_size, set_up, tear_down),
        cmocka_unit_test_setup_teardown(characters_are_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_stream_has_its_own_rest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_last_is_the_answer_on_one_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_error_is_called_so, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_beat_comes_when_nothing_else_does, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_ceiling_holds, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
