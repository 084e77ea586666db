/* zygote_channel: right messages, wrong messages, and that no descriptor stays open from a wrong
 * one. */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "zygote_channel.h"

static int pair[2];

static int setup(void **state) {
    (void)state;
    return socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair);
}

static int teardown(void **state) {
    (void)state;
    close(pair[0]);
    close(pair[1]);
    return 0;
}

static int count_descriptors(void) {
    DIR *directory = opendir("/proc/self/fd");
    int count = 0;
    while (readdir(directory))
        count++;
    closedir(directory);
    return count;
}

static void send_message(const void *bytes, size_t size, int descriptors) {
    char control[CMSG_SPACE(8 * sizeof(int))] = {0};
    struct iovec part = {.iov_base = (void *)bytes, .iov_len = size};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (descriptors) {
        message.msg_control = control;
        message.msg_controllen = CMSG_SPACE((size_t)descriptors * sizeof(int));
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN((size_t)descriptors * sizeof(int));
        int *fds = (int *)CMSG_DATA(header);
        for (int i = 0; i < descriptors; i++)
            fds[i] = i % 3;
    }
    assert_int_equal(sendmsg(pair[0], &message, 0), size);
}

static void test_spawn_brings_three_descriptors(void **state) {
    (void)state;
    struct zygote_command sent = {.type = ZYGOTE_SPAWN, .slot = 3, .run = 77}, got;
    int fds[SPAWN_DESCRIPTORS];
    send_message(&sent, sizeof(sent), 3);
    assert_int_equal(zygote_channel_take(pair[1], &got, fds), 1);
    assert_int_equal(got.slot, 3);
    assert_int_equal(got.run, 77);
    for (int i = 0; i < SPAWN_DESCRIPTORS; i++)
        assert_int_equal(close(fds[i]), 0);
    assert_int_equal(zygote_channel_take(pair[1], &got, fds), 0);
}

static void test_wrong_messages_leave_nothing_open(void **state) {
    (void)state;
    struct zygote_command spawn = {.type = ZYGOTE_SPAWN}, end = {.type = ZYGOTE_KILL}, got;
    char long_message[sizeof(spawn) + 1] = {ZYGOTE_SPAWN};
    int fds[SPAWN_DESCRIPTORS];
    const struct {
        const void *bytes;
        size_t size;
        int descriptors;
    } rows[] = {
        {&spawn, sizeof(spawn), 0},
        {&spawn, sizeof(spawn), 2},
        {&spawn, sizeof(spawn), 4},
        {&spawn, 4, 3},
        {long_message, sizeof(long_message), 3},
        {&end, sizeof(end), 3},
        {&end, 1, 0},
    };
    int before = count_descriptors();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        send_message(rows[i].bytes, rows[i].size, rows[i].descriptors);
        assert_int_equal(zygote_channel_take(pair[1], &got, fds), -EBADMSG);
        assert_int_equal(count_descriptors(), before);
    }
}

/* The kernel drops what has no room in the message, and says that it did. */
static void test_too_many_descriptors_leave_nothing_open(void **state) {
    (void)state;
    struct zygote_command spawn = {.type = ZYGOTE_SPAWN}, got;
    int fds[SPAWN_DESCRIPTORS], before = count_descriptors();
    send_message(&spawn, sizeof(spawn), 8);
    assert_int_equal(zygote_channel_take(pair[1], &got, fds), -EBADMSG);
    assert_int_equal(count_descriptors(), before);
}

static void test_end_of_file(void **state) {
    (void)state;
    struct zygote_command got;
    int fds[SPAWN_DESCRIPTORS];
    shutdown(pair[0], SHUT_WR);
    assert_int_equal(zygote_channel_take(pair[1], &got, fds), -EPIPE);
    const struct zygote_event event = {.type = ZYGOTE_UP};
    shutdown(pair[0], SHUT_RD);
    assert_int_equal(zygote_channel_send(pair[1], &event), -EPIPE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_spawn_brings_three_descriptors, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wrong_messages_leave_nothing_open, setup, teardown),
        cmocka_unit_test_setup_teardown(test_too_many_descriptors_leave_nothing_open, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_end_of_file, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
