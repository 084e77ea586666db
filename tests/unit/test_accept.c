/* accept: which headers ask for events, and which do not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "accept.h"

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
        if (!accept_wants_events(headers[i]))
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
    assert_false(accept_wants_events(NULL));
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
        if (accept_wants_events(headers[i]))
            fail_msg("%s", headers[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(asks_for_events),
                                       cmocka_unit_test(asks_for_json)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
