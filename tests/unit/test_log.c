/* log: what happens to lines when standard output is slow, stuck, gone, or shared. Each test has
 * a standard output of its own. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "log.h"

#define LEAST_BYTES 16384 /* of lines that find room */

/* Runs test in a child whose standard output is fd; what blocks is ended by SIGALRM. */
static void in_child_as_it_is(int fd, void (*test)(int), int argument) {
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        alarm(60);
        dup2(fd, STDOUT_FILENO);
        test(argument);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void (*inner)(int);

static void init_and_test(int argument) {
    log_init(LOG_FORMAT_TEXT);
    inner(argument);
}

static void in_child(int fd, void (*test)(int), int argument) {
    inner = test;
    in_child_as_it_is(fd, init_and_test, argument);
}

static size_t read_all(int fd, char *bytes, size_t size) {
    size_t used = 0;
    ssize_t got;
    fcntl(fd, F_SETFL, O_NONBLOCK);
    while (used < size - 1 && (got = read(fd, bytes + used, size - 1 - used)) > 0)
        used += (size_t)got;
    bytes[used] = 0;
    return used;
}

static void say_two(int unused) {
    (void)unused;
    log_line(LOG_INFO, "the %s", "first");
    log_line(LOG_ERROR, "second\nline");
}

static void test_lines_come_in_order(void **state) {
    (void)state;
    int ends[2];
    char text[256];
    assert_int_equal(pipe(ends), 0);
    in_child(ends[1], say_two, 0);
    read_all(ends[0], text, sizeof(text));
    char *second = strchr(text, '\n') + 1;
    assert_non_null(strstr(text, "Z info the first\n"));
    assert_non_null(strstr(second, "Z error second\\u000aline\n"));
    assert_int_equal(fcntl(ends[1], F_GETFL) & O_NONBLOCK, 0); /* it is shared with others */
    close(ends[0]);
    close(ends[1]);
}

/* More than the longest pipe takes; then there is room, and the number is told. */
static void fill_and_drain(int reader) {
    static char text[4 << 20];
    char told[96];
    for (int i = 0; i < 40000; i++)
        log_line(LOG_INFO, "line %d %.60s", i, "............................................");
    uint64_t dropped = log_dropped_count();
    size_t size = read_all(reader, text, sizeof(text));
    if (dropped == 0 || size < LEAST_BYTES)
        _exit(1);
    log_line(LOG_INFO, "after");
    read_all(reader, text, sizeof(text));
    snprintf(told, sizeof(told), "warning %llu log lines were dropped",
             (unsigned long long)dropped);
    if (!strstr(text, told) || !strstr(text, "info after\n") || log_dropped_count() != dropped)
        _exit(2);
    log_line(LOG_INFO, "once more");
    read_all(reader, text, sizeof(text));
    if (strstr(text, "dropped") || !strstr(text, "info once more\n"))
        _exit(3);
}

static void test_a_pipe_that_nobody_reads_does_not_block(void **state) {
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    in_child(ends[1], fill_and_drain, ends[0]);
    close(ends[0]);
    close(ends[1]);
}

static void test_nor_does_a_socket(void **state) {
    (void)state;
    int ends[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    in_child(ends[1], fill_and_drain, ends[0]);
    close(ends[0]);
    close(ends[1]);
}

static void write_without_reader(int reader) {
    signal(SIGPIPE, SIG_DFL);
    close(reader);
    log_line(LOG_INFO, "nobody reads this");
    if (log_dropped_count() != 1)
        _exit(1);
}

/* As where /proc has no entry for it, or the pipe belongs to another user. */
static void fill_and_drain_what_cannot_be_opened(int reader) {
    struct rlimit limit;
    int next = dup(reader);
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = (rlim_t)next;
    close(next);
    setrlimit(RLIMIT_NOFILE, &limit);
    if (open("/proc/self/fd/1", O_WRONLY) >= 0)
        _exit(4);
    log_init(LOG_FORMAT_TEXT);
    fill_and_drain(reader);
}

static void test_nor_does_one_that_cannot_be_opened_anew(void **state) {
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    in_child_as_it_is(ends[1], fill_and_drain_what_cannot_be_opened, ends[0]);
    close(ends[0]);
    close(ends[1]);
}

/* The test's own copy of the reader's end is closed first, the child's by itself. */
static void test_a_reader_that_left_ends_nothing(void **state) {
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        alarm(60);
        dup2(ends[1], STDOUT_FILENO);
        log_init(LOG_FORMAT_TEXT);
        write_without_reader(ends[0]);
        _exit(0);
    }
    int status;
    close(ends[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    close(ends[1]);
}

/* As `>log` opens it, with two writers. */
static void test_a_file_is_written_on_by_all(void **state) {
    (void)state;
    char text[512], path[] = "/tmp/test_log.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    unlink(path);
    in_child(fd, say_two, 0);
    in_child(fd, say_two, 0);
    lseek(fd, 0, SEEK_SET);
    read_all(fd, text, sizeof(text));
    int lines = 0;
    for (const char *at = text; (at = strchr(at, '\n')); at++)
        lines++;
    assert_int_equal(lines, 4);
    close(fd);
}

static void say_two_in_vain(int unused) {
    say_two(unused);
    if (log_dropped_count() != 2)
        _exit(1);
}

static void test_a_full_disk_is_survived(void **state) {
    (void)state;
    int fd = open("/dev/full", O_WRONLY);
    assert_true(fd >= 0);
    in_child(fd, say_two_in_vain, 0);
    close(fd);
}

/* A limit of the file's size stands for a disk that has room for part of a line. */
static void say_two_with_room_for_half(int unused) {
    (void)unused;
    struct rlimit limit;
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &limit);
    rlim_t before = limit.rlim_cur;
    limit.rlim_cur = 40;
    setrlimit(RLIMIT_FSIZE, &limit);
    log_line(LOG_INFO, "this one is torn");
    limit.rlim_cur = before;
    setrlimit(RLIMIT_FSIZE, &limit);
    log_line(LOG_INFO, "this one is whole");
}

static void test_a_torn_line_does_not_spoil_the_next(void **state) {
    (void)state;
    char text[512], path[] = "/tmp/test_log.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    unlink(path);
    in_child(fd, say_two_with_room_for_half, 0);
    lseek(fd, 0, SEEK_SET);
    read_all(fd, text, sizeof(text));
    assert_int_equal(text[40], '\n');
    assert_non_null(strstr(text + 41, " 1 log lines were dropped"));
    assert_non_null(strstr(text, "Z info this one is whole\n"));
    close(fd);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_come_in_order),
        cmocka_unit_test(test_a_pipe_that_nobody_reads_does_not_block),
        cmocka_unit_test(test_nor_does_a_socket),
        cmocka_unit_test(test_nor_does_one_that_cannot_be_opened_anew),
        cmocka_unit_test(test_a_reader_that_left_ends_nothing),
        cmocka_unit_test(test_a_file_is_written_on_by_all),
        cmocka_unit_test(test_a_torn_line_does_not_spoil_the_next),
        cmocka_unit_test(test_a_full_disk_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
