/*
 * The watchdog on a directory that looks like /proc, with what scripts and kernels put into it, and
 * on real processes.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
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
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "sweep.h"
#include "watchdog.h"

#define MIB (1ULL << 20)

struct fake {
    char path[64];
    int fd;
};

static int setup(void **state) {
    struct fake *fake = calloc(1, sizeof(*fake));
    assert_non_null(fake);
    strcpy(fake->path, "/tmp/test_watchdog.XXXXXX");
    assert_non_null(mkdtemp(fake->path));
    fake->fd = open(fake->path, O_RDONLY | O_DIRECTORY);
    assert_true(fake->fd >= 0);
    *state = fake;
    return 0;
}

static int teardown(void **state) {
    struct fake *fake = *state;
    sweep_remove(fake->path, geteuid());
    close(fake->fd);
    int r = rmdir(fake->path);
    free(fake);
    return r;
}

static void put_file(const struct fake *fake, const char *path, const char *text) {
    int fd = openat(fake->fd, path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void put_text(const struct fake *fake, int pid, const char *text) {
    char path[64];
    snprintf(path, sizeof(path), "%d", pid);
    mkdirat(fake->fd, path, 0700);
    snprintf(path, sizeof(path), "%d/status", pid);
    put_file(fake, path, text);
}

static void put(const struct fake *fake, int pid, int parent, const char *rest) {
    char text[4096];
    snprintf(text, sizeof(text),
             "Name:\tpython3\nUmask:\t0077\nState:\tS (sleeping)\nTgid:\t%d\nNgid:\t0\nPid:\t%d\n"
             "PPid:\t%d\nTracerPid:\t0\nUid:\t1\t1\t1\t1\nGroups:\t \n%s",
             pid, pid, parent, rest);
    put_text(fake, pid, text);
}

#define MEMORY(anon, shared)                                                                       \
    "VmPeak:\t 9999999 kB\nVmRSS:\t 8888888 kB\nRssAnon:\t" anon " kB\nRssFile:\t 7777777 kB\n"    \
    "RssShmem:\t" shared " kB\nVmData:\t 6666666 kB\n"

static struct watched look(const struct fake *fake, pid_t init) {
    struct watched watched = {.init = init, .memory_bytes = 1, .tasks = 1};
    assert_int_equal(watchdog_look(fake->fd, &watched, 1), 0);
    assert_int_equal(watched.init, init);
    return watched;
}

static void test_runs_are_told_apart(void **state) {
    const struct fake *fake = *state;
    put(fake, 1, 0, MEMORY("50", "0") "Threads:\t1\n");
    put(fake, 10, 1, MEMORY("  999", "0") "Threads:\t3\n");
    put(fake, 20, 1, MEMORY("  999", "0") "Threads:\t3\n");
    put(fake, 11, 10, MEMORY("  100", "   7") "Threads:\t2\n");
    put(fake, 4000000, 11, MEMORY(" 1000", "   0") "Threads:\t1\n");
    put(fake, 9, 4000000, MEMORY("10000", "   0") "Threads:\t1\n"); /* numbers started anew */
    put(fake, 21, 20, MEMORY("    5", "   5") "Threads:\t64\n");
    put(fake, 30, 1, MEMORY("77777", "   0") "Threads:\t1\n"); /* nobody's */
    /* the same place in a table that is a power of two large */
    put(fake, 11 + 32768, 21, MEMORY("1", "0") "Threads:\t1\n");
    put(fake, 20 + 65536, 11, MEMORY("2", "0") "Threads:\t1\n");
    struct watched runs[4] = {{.init = 20}, {.init = 0, .tasks = 9}, {.init = 10}, {.init = 12}};
    assert_int_equal(watchdog_look(fake->fd, runs, 4), 0);
    assert_int_equal(runs[0].memory_bytes, 6 * 1024);
    assert_int_equal(runs[0].tasks, 65);
    assert_int_equal(runs[2].memory_bytes, 11102 * 1024);
    assert_int_equal(runs[2].tasks, 5);
    for (int i = 1; i < 4; i += 2) {
        assert_int_equal(runs[i].memory_bytes, 0);
        assert_int_equal(runs[i].tasks, 0);
    }
}

static void test_what_is_counted(void **state) {
    const struct fake *fake = *state;
    put(fake, 10, 1, "Threads:\t1\n");
    /* without the parts, as under gVisor */
    put_text(fake, 11,
             "Name:\tpython\nState:\tR (running)\nTgid:\t11\nPid:\t11\nPPid:\t10\n"
             "TracerPid:\t0\nFDSize:\t4\nVmSize:\t999 kB\nVmRSS:\t300 kB\nThreads:\t2\n");
    assert_int_equal(look(fake, 10).memory_bytes, 300 * 1024);
    assert_int_equal(look(fake, 10).tasks, 2);
    /* with a part of it on a disk: private memory that no other line has */
    put(fake, 16, 10, MEMORY("20", "3") "VmSwap:\t   400 kB\nThreads:\t1\n");
    assert_int_equal(look(fake, 10).memory_bytes, 720 * 1024);
    put(fake, 16, 1, "Threads:\t1\n");
    assert_int_equal(look(fake, 10).memory_bytes, 300 * 1024);
    /* a zombie, and one that is about to be gone */
    put_text(fake, 12, "Name:\tz\nState:\tZ (zombie)\nPPid:\t10\nThreads:\t1\n");
    put_text(fake, 13, "Name:\tx\nState:\tX (dead)\nPPid:\t10\nThreads:\t1\n");
    mkdirat(fake->fd, "14", 0700); /* gone */
    put_text(fake, 15, "");
    assert_int_equal(look(fake, 10).tasks, 2);
    /* threads that nobody can look at, behind a zombie */
    put_text(fake, 16, "Name:\tz\nState:\tZ (zombie)\nPPid:\t10\nVmRSS:\t0 kB\nThreads:\t4\n");
    assert_int_equal(look(fake, 10).tasks, 5);
    assert_true(look(fake, 10).memory_bytes > 1ULL << 40);
    /* parents in a ring belong to nobody */
    put(fake, 16, 17, MEMORY("1", "1") "Threads:\t1\n");
    put(fake, 17, 16, MEMORY("1", "1") "Threads:\t1\n");
    put(fake, 18, 18, MEMORY("1", "1") "Threads:\t1\n");
    assert_int_equal(look(fake, 10).tasks, 2);
    /* what is no process */
    put_file(fake, "uptime", "1");
    mkdirat(fake->fd, "0", 0700);
    put_file(fake, "0/status", "PPid:\t10\nThreads:\t7\n");
    assert_int_equal(look(fake, 10).tasks, 2);
    /* a line longer than any buffer before what counts */
    char text[100000];
    size_t used = (size_t)snprintf(text, sizeof(text), "Name:\tg\nState:\tS\nPPid:\t10\nGroups:\t");
    memset(text + used, '1', 90000);
    for (size_t at = 512; at < 90000; at += 512) /* a piece of it is no line */
        memcpy(text + used - strlen("Groups:\t") + at, "State:\tZ", 8);
    strcpy(text + used + 90000, "\nRssAnon:\t40 kB\nRssShmem:\t2 kB\nThreads:\t1\n");
    put_text(fake, 19, text);
    assert_int_equal(look(fake, 10).memory_bytes, 340 * 1024);
    assert_int_equal(look(fake, 10).tasks, 3);
}

/* A script chooses its name; gVisor does not escape it. */
static void test_forged_names(void **state) {
    const struct fake *fake = *state;
    static const char *const names[] = {
        "x\nPPid:\t1",       "x\nState:\tZ", "\nRssAnon:\t0 kB", "\nRssAnon:\t0", "\nThreads:\t0",
        "\nPid:\nRssAnon:0", "\n",           "Name:\t",          "x\\nPPid:\t1",  "\nVmRSS:\t0",
    };
    char text[512];
    put(fake, 10, 1, "Threads:\t1\n");
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(text, sizeof(text),
                 "Name:\t%s\nState:\tR (running)\nTgid:\t11\nPid:\t11\nPPid:\t10\n"
                 "VmRSS:\t300 kB\nThreads:\t2\n",
                 names[i]);
        put_text(fake, 11, text);
        struct watched watched = look(fake, 10);
        assert_int_equal(watched.memory_bytes, 300 * 1024);
        assert_int_equal(watched.tasks, 2);
    }
}

/* Each time that the file is opened, the process has another parent. */
static _Noreturn void change_parent(int fifo_dir) {
    static const char *const texts[] = {"PPid:\t99\nThreads:\t1\n", "PPid:\t10\nThreads:\t1\n"};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (int i = 0; i < 2; i++) {
        int fd = openat(fifo_dir, "status", O_WRONLY);
        /* The next look is at another pipe: this one is the reader's, however long it reads. */
        if (mkfifoat(fifo_dir, "next", 0600) < 0 ||
            renameat(fifo_dir, "next", fifo_dir, "status") < 0 ||
            write(fd, texts[i], strlen(texts[i])) < 0)
            _exit(1);
        close(fd);
    }
    _exit(0);
}

static void test_parent_that_has_just_ended(void **state) {
    const struct fake *fake = *state;
    put(fake, 10, 1, "Threads:\t1\n");
    assert_int_equal(mkdirat(fake->fd, "11", 0700), 0);
    assert_int_equal(mkfifoat(fake->fd, "11/status", 0600), 0);
    int dir = openat(fake->fd, "11", O_RDONLY | O_DIRECTORY);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        change_parent(dir);
    assert_int_equal(look(fake, 10).tasks, 1);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    close(dir);
}

static void test_limits(void **state) {
    const struct fake *fake = *state;
    char name[16];
    put(fake, 1, 0, MEMORY("1", "1") "Threads:\t1\n");
    for (int pid = 2; pid <= WATCHDOG_PROCESSES; pid++) {
        snprintf(name, sizeof(name), "%d", pid);
        assert_int_equal(symlinkat("1", fake->fd, name), 0);
    }
    put(fake, 1, 2, MEMORY("1", "0") "Threads:\t1\n"); /* and so is 2 its own parent */
    assert_int_equal(look(fake, 2).tasks, WATCHDOG_PROCESSES - 1);
    assert_int_equal(symlinkat("1", fake->fd, "999999"), 0);
    struct watched watched = {.init = 2, .memory_bytes = 5, .tasks = 6};
    assert_int_equal(watchdog_look(fake->fd, &watched, 1), -ENOSPC);
    assert_true(watched.memory_bytes == 5 && watched.tasks == 6);
    assert_int_equal(watchdog_look(-1, &watched, 1), -EBADF);
}

/* Real processes: an init that is the subreaper, with what the rows say below it. */

static void hold(size_t bytes, int flags) {
    char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, flags | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        _exit(1);
    memset(memory, 1, bytes);
}

static _Noreturn void stay(int ready) {
    if (write(ready, "", 1) != 1)
        _exit(1);
    for (;;)
        pause();
}

static void hold_private(int ready) {
    hold(32 * MIB, MAP_PRIVATE);
    stay(ready);
}

static void hold_shared(int ready) {
    hold(32 * MIB, MAP_SHARED);
    stay(ready);
}

static void be_zombie(int ready) {
    _exit(write(ready, "", 1) == 1 ? 0 : 1);
}

static void hold_as_orphan(int ready) {
    const pid_t parent = getpid();
    if (fork() == 0) {
        while (getppid() == parent)
            usleep(1000);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        hold_private(ready);
    }
    _exit(0);
}

static void *hold_in_thread(void *ready) {
    hold_private(*(int *)ready);
    return NULL;
}

/* The first thread leaves and the process goes on: it looks like a zombie. */
static void hold_behind_zombie(int ready) {
    static int kept;
    pthread_t thread;
    kept = ready;
    if (pthread_create(&thread, NULL, hold_in_thread, &kept) != 0)
        _exit(1);
    for (;;)
        syscall(SYS_exit, 0);
}

static _Noreturn void init_main(void (*body)(int), int ready) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    hold(64 * MIB, MAP_PRIVATE);
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        body(ready);
    }
    for (;;)
        pause();
}

/* Once there are so many tasks, as soon as what ends has ended; or what there is after 10 s. */
static struct watched watch_real(void (*body)(int), unsigned tasks) {
    int ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    pid_t init = fork();
    assert_true(init >= 0);
    if (init == 0)
        init_main(body, ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    int proc = open("/proc", O_RDONLY | O_DIRECTORY);
    struct watched runs[2] = {{.init = init}, {.init = 0}};
    for (int i = 0; i < 1000 && (i == 0 || runs[0].tasks != tasks); i++) {
        usleep(10000);
        assert_int_equal(watchdog_look(proc, runs, 2), 0);
    }
    close(proc);
    close(ready[0]);
    close(ready[1]);
    kill(init, SIGKILL);
    waitpid(init, NULL, 0);
    return runs[0];
}

static void test_real_processes(void **state) {
    (void)state;
    static const struct {
        void (*body)(int);
        unsigned memory_mib, tasks;
    } rows[] = {
        {hold_private, 32, 1},   {hold_shared, 0, 1},         {be_zombie, 0, 0},
        {hold_as_orphan, 32, 1}, {hold_behind_zombie, 32, 1},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct watched watched = watch_real(rows[i].body, rows[i].tasks);
        /* What a child has of its init's memory counts as its own: 64 MiB here, if it lives. */
        uint64_t least = rows[i].tasks == 0 ? 0 : (rows[i].memory_mib + 64) * MIB;
        uint64_t most = rows[i].tasks == 0 ? 0 : least + 31 * MIB;
        assert_int_equal(watched.tasks, rows[i].tasks);
        assert_in_range(watched.memory_bytes, least, most);
    }
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(test_runs_are_told_apart),
        CASE(test_what_is_counted),
        CASE(test_forged_names),
        CASE(test_parent_that_has_just_ended),
        CASE(test_limits),
        cmocka_unit_test(test_real_processes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
