/*
 * Landlock's rules of a worker, ABI by ABI: each of those that this kernel has, in a child that is
 * restricted and tries what the ABI has a rule for. What an ABI lacks must work there: that is the
 * control, and shows that nothing else refused it.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "checked_child.h"
#include "landlock.h"

#define NEWEST 7 /* that landlock.c has a case for */

struct record {
    const char *failed;
    int line;
};

static char top[] = "/tmp/test-landlock-XXXXXX";
static char name[2][64]; /* of abstract sockets: beside the sandbox, in it */
static int listener;

/* What the child's rules allow: to read all of top, to write in top/open. */
static void restrict_self(struct record *record, int abi) {
    char open_path[64];
    snprintf(open_path, sizeof(open_path), "%s/open", top);
    const char *const read[] = {top, NULL}, *const devices[] = {"/dev/null", NULL};
    const char *const write[] = {open_path, NULL};
    const struct landlock_paths paths = {.read = read, .devices = devices, .write = write};
    CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    CHECK(landlock_restrict(abi, &paths) == 0);
    CHECK(chdir(top) == 0);
}

static int result(long value) {
    return value < 0 ? errno : 0;
}

static void try_files(struct record *record, int abi) {
    CHECK(result(open("closed/file", O_RDONLY)) == 0);
    CHECK(result(open("closed/file", O_WRONLY)) == EACCES);
    CHECK(result(open("/etc/passwd", O_RDONLY)) == EACCES);
    CHECK(result(mkdir("closed/new", 0700)) == EACCES);
    CHECK(result(mkdir("open/new", 0700)) == 0);
    CHECK(result(open("open/made", O_RDWR | O_CREAT, 0600)) == 0);
    CHECK(result(mknod("open/device", S_IFCHR | 0600, 0)) != 0);
    /* ABI 2: to another directory, where both allow it; before, to none. */
    CHECK(result(rename("open/made", "open/new/made")) == (abi >= 2 ? 0 : EXDEV));
    CHECK(result(rename("closed/file", "open/file")) != 0);
    /* ABI 3 */
    CHECK(result(truncate("closed/file", 1)) == (abi >= 3 ? EACCES : 0));
    CHECK(result(open("closed/file", O_RDONLY | O_TRUNC)) == (abi >= 3 ? EACCES : 0));
    CHECK(result(open("open/file", O_WRONLY | O_CREAT | O_TRUNC, 0600)) == 0);
    CHECK(result(truncate("open/file", 1)) == 0);
}

/* ABI 4 */
static void try_tcp(struct record *record, int abi) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(fd >= 0);
    CHECK(result(bind(fd, (void *)&address, sizeof(address))) == (abi >= 4 ? EACCES : 0));
    address.sin_port = htons(1); /* where nobody listens */
    int error = result(connect(fd, (void *)&address, sizeof(address)));
    CHECK(abi >= 4 ? error == EACCES : error != 0 && error != EACCES);
}

static struct sockaddr_un abstract(const char *text, socklen_t *ret_size) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    memcpy(address.sun_path + 1, text, strlen(text));
    *ret_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + strlen(text));
    return address;
}

/* ABI 6 */
static void try_scopes(struct record *record, int abi) {
    socklen_t size;
    struct sockaddr_un address = abstract(name[0], &size);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0), own = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(result(connect(fd, (void *)&address, size)) == (abi >= 6 ? EPERM : 0));
    CHECK(result(kill(getppid(), 0)) == (abi >= 6 ? EPERM : 0));
    CHECK(result(kill(getpid(), 0)) == 0);
    /* A name of one's own can be called. */
    address = abstract(name[1], &size);
    CHECK(bind(own, (void *)&address, size) == 0 && listen(own, 1) == 0);
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(result(connect(fd, (void *)&address, size)) == 0);
}

static void run(void (*body)(struct record *record, int abi), int abi) {
    struct record *record =
        mmap(NULL, sizeof(*record), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(record, MAP_FAILED);
    int status;
    pid_t pid = fork_child();
    if (pid == 0) {
        restrict_self(record, abi);
        body(record, abi);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (record->failed)
        fail_msg("ABI %d, line %d: %s", abi, record->line, record->failed);
    assert_int_equal(status, 0);
    munmap(record, sizeof(*record));
}

static void put(const char *below, bool directory) {
    char path[64];
    snprintf(path, sizeof(path), "%s/%s", top, below);
    int fd = directory ? mkdir(path, 0700) : open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    if (!directory) {
        assert_int_equal(write(fd, "text", 4), 4);
        close(fd);
    }
}

static void clean(void) {
    char command[64];
    snprintf(command, sizeof(command), "rm -rf %s", top);
    assert_int_equal(system(command), 0);
}

static int usable(void) {
    int abi = landlock_abi();
    if (abi == 0)
        print_message("no Landlock in this kernel\n");
    return abi < NEWEST ? abi : NEWEST;
}

static void test_files(void **state) {
    (void)state;
    for (int abi = 1; abi <= usable(); abi++) {
        assert_int_equal(mkdir(top, 0700), 0);
        put("open", true);
        put("closed", true);
        put("closed/file", false);
        run(try_files, abi);
        clean();
    }
}

static void test_network_and_scopes(void **state) {
    (void)state;
    assert_int_equal(mkdir(top, 0700), 0);
    for (int abi = 1; abi <= usable(); abi++) {
        run(try_tcp, abi);
        run(try_scopes, abi);
    }
    clean();
}

static int set_up(void **state) {
    (void)state;
    socklen_t size;
    assert_non_null(mkdtemp(top));
    assert_int_equal(rmdir(top), 0);
    for (int i = 0; i < 2; i++)
        snprintf(name[i], sizeof(name[i]), "%s-%d", top, i);
    struct sockaddr_un address = abstract(name[0], &size);
    listener = socket(AF_UNIX, SOCK_STREAM, 0);
    return bind(listener, (void *)&address, size) < 0 || listen(listener, 64) < 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_network_and_scopes),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
