/* accept: which headers ask for events, and which do not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "accept.h"

static bool wants_events(const char *value) {
    struct accept accept = {0};
    accept_read(&accept, value);
    return accept_wants_events(&accept);
}

static void asks_for_events(void **state) {
    (void)state;
    static const char *const headers[] = {
        "text/event-stream",
        "Text/Event-Stream",
        " text/event-stream ",
        "text/event-stream, */*",
        "application/json, text/event-stream",
        "application/json;q=0.9, text/event-stream",
        "text/event-stream;q=0.5,application/json;q=0.4",
        "text/event-stream;q=0.001",
        "text/event-stream; charset=utf-8 ; Q=1.000",
        "text/event-stream;q=1.",
        ",, text/event-stream",
        "text/html, text/event-stream;q=0, text/event-stream;q=0.1",
    };
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
        if (!wants_events(headers[i]))
            fail_msg("%s", headers[i]);
}

static void asks_for_json(void **state) {
    (void)state;
    static const char *const headers[] = {
        "",
        "*/*",
        "text/*",
        "application/json",
        "application/json, text/event-stream;q=0.9",
        "text/event-stream;q=0",
        "text/event-stream;q=0.000",
        "text/event-stream;q=0.0000001",
        "text/event-stream;q=2",
        "text/event-stream;q=1.001",
        "text/event-stream;q=-1",
        "text/event-stream;q=",
        "text/event-stream;q=x, */*",
        "text/event-streams",
        "text/event-strea",
        "xtext/event-stream",
        "text /event-stream",
        "application/json;a=text/event-stream",
        ";text/event-stream",
        ",;,;=",
    };
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
        if (wants_events(headers[i]))
            fail_msg("%s", headers[i]);
}

static void several_headers_are_one_list(void **state) {
    (void)state;
    struct accept accept = {0};
    assert_false(accept_wants_events(&accept));
    accept_read(&accept, "application/json;q=0.5");
    assert_false(accept_wants_events(&accept));
    accept_read(&accept, "text/event-stream");
    accept_read(&accept, "text/html");
    assert_true(accept_wants_events(&accept));
    accept_read(&accept, "text/event-stream;q=0.1");
    assert_true(accept_wants_events(&accept));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(asks_for_events),
                                       cmocka_unit_test(asks_for_json),
                                       cmocka_unit_test(several_headers_are_one_list)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
