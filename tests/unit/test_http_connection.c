/* http_connection: whose answer is let go when all answers together hold too much, and who when all
 * places are taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <sys/socket.h>
#include <unistd.h>

#include "http_connection.h"

#define MOST 100u

static struct {
    struct http_connections all;
    int others[8]; /* the clients' ends */
    unsigned count;
} t;

static int set_up(void **state) {
    (void)state;
    memset(&t, 0, sizeof(t));
    t.all.held_most = MOST;
    return loop_new(&t.all.loop);
}

/* Whoever is left is freed: nothing may be counted then. */
static int tear_down(void **state) {
    (void)state;
    struct http_connection_list *answers = &t.all.phases[PHASE_ANSWER];
    while (answers->first) {
        close(answers->first->fd);
        http_connection_free(answers->first);
    }
    while (t.count > 0)
        close(t.others[--t.count]);
    loop_free(t.all.loop);
    return t.all.held_bytes == 0 && t.all.count == 0 ? 0 : -1;
}

/* As http_connection_new makes one, without libmicrohttpd, and then an answer for it. */
static struct http_connection *answer(size_t bytes) {
    struct http_connection *connection = calloc(1, sizeof(*connection));
    int pair[2];
    assert_non_null(connection);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    connection->all = &t.all;
    connection->fd = pair[0];
    connection->phase = PHASE_COUNT;
    t.others[t.count++] = pair[1];
    t.all.count++;
    http_connection_enter(connection, PHASE_ANSWER);
    http_connection_hold(connection, bytes);
    return connection;
}

static void was_looked_at(struct http_connection *connection, uint64_t progress) {
    connection->looks = 1;
    connection->progress = progress;
}

static void test_those_that_hold_nothing_shield_nobody(void **state) {
    (void)state;
    struct http_connection *empty[] = {answer(0), answer(0), answer(0)};
    struct http_connection *first = answer(60), *second = answer(60);
    assert_true(first->gone);
    assert_false(second->gone);
    assert_int_equal(t.all.held_bytes, 60);
    assert_true(answer(60)->phase == PHASE_ANSWER && second->gone);
    assert_int_equal(t.all.cut, 2);
    for (size_t i = 0; i < 3; i++)
        assert_false(empty[i]->gone);
}

static void test_as_many_go_as_it_takes(void **state) {
    (void)state;
    struct http_connection *small[] = {answer(30), answer(30), answer(30)};
    struct http_connection *large = answer(70);
    assert_true(small[0]->gone && small[1]->gone);
    assert_false(small[2]->gone || large->gone);
    assert_int_equal(t.all.held_bytes, 100);
}

static void test_the_slowest_goes_first(void **state) {
    (void)state;
    struct http_connection *fast = answer(30), *slow = answer(30), *slower = answer(0),
                           *fresh = answer(30);
    was_looked_at(fast, 9000);
    was_looked_at(slow, 7000);
    was_looked_at(slower, 0);
    answer(30);
    assert_true(slow->gone);
    assert_false(fast->gone || slower->gone || fresh->gone);
    answer(60);
    assert_true(fast->gone && fresh->gone);
    assert_false(slower->gone);
}

static void test_one_alone_may_be_too_large(void **state) {
    (void)state;
    struct http_connection *other = answer(10), *large = answer(MOST + 1), *empty = answer(0);
    assert_true(other->gone);
    assert_false(large->gone || empty->gone);
    assert_int_equal(t.all.held_bytes, MOST + 1);
}

/* Also of one that was cut for another reason; libmicrohttpd frees it later. */
static void test_one_that_was_cut_holds_nothing(void **state) {
    (void)state;
    struct http_connection *gone = answer(60);
    http_connection_cut(gone);
    assert_int_equal(t.all.held_bytes, 0);
    struct http_connection *next = answer(60);
    http_connection_enter(gone, PHASE_IDLE);
    close(gone->fd);
    http_connection_free(gone);
    assert_int_equal(t.all.held_bytes, 60);
    assert_false(next->gone);
}

/* One that sends a request. */
static struct http_connection *request(int64_t seconds_ago) {
    struct http_connection *connection = answer(0);
    http_connection_enter(connection, PHASE_REQUEST);
    connection->since_us -= seconds_ago * 1000000;
    return connection;
}

static void look_at(struct http_connection *connection) {
    connection->timer.fn(connection->timer.context);
}

/* Whoever is cut here is freed as an answer. */
static void back_to_answers(struct http_connection *connection) {
    http_connection_enter(connection, PHASE_ANSWER);
}

static void test_who_has_just_come_does_not_make_room(void **state) {
    (void)state;
    struct http_connection *slow = answer(0), *new = request(0);
    t.all.most = 3;
    look_at(slow);
    assert_false(slow->gone || new->gone);
    t.all.most = 2;
    look_at(slow);
    assert_true(slow->gone && !new->gone);
    back_to_answers(new);
}

static void test_nor_does_who_reads_well_for_it(void **state) {
    (void)state;
    struct http_connection *well = answer(0), *new = request(0);
    t.all.most = 2;
    const char *text = "some of an answer, and the client has it";
    for (int i = 0; i < 200; i++)
        assert_true(write(well->fd, text, strlen(text)) > 0);
    well->written = 200 * strlen(text);
    char taken[200 * 64];
    assert_true(read(t.others[0], taken, sizeof(taken)) > 0);
    look_at(well);
    assert_int_equal(well->stalls, 0);
    assert_false(well->gone || new->gone);
    back_to_answers(new);
    look_at(well);
    look_at(new);
    assert_true(well->gone || new->gone); /* among readers it is the slowest */
}

static void test_a_request_that_does_not_come_makes_room(void **state) {
    (void)state;
    struct http_connection *slow = answer(0), *new = request(3), *later = request(2);
    t.all.most = 3;
    look_at(slow);
    assert_true(new->gone);
    assert_false(slow->gone || later->gone);
    back_to_answers(new);
    back_to_answers(later);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(test_those_that_hold_nothing_shield_nobody),
        TEST(test_as_many_go_as_it_takes),
        TEST(test_the_slowest_goes_first),
        TEST(test_one_alone_may_be_too_large),
        TEST(test_one_that_was_cut_holds_nothing),
        TEST(test_who_has_just_come_does_not_make_room),
        TEST(test_nor_does_who_reads_well_for_it),
        TEST(test_a_request_that_does_not_come_makes_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
