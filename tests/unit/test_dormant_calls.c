/* dormant_calls: a library that has the kernel write into its own data sleeps, and each such call
 * wakes it; without that it fails. Libraries are built for this (dormant_caller.c). They are put to
 * sleep by mprotect(2) here, without a snapshot, in a fork for each case. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "checked_child.h"
#include "dormant.h"
#include "dormant_calls.h"

#define FILE_BYTES 12288
#define TEXT "written by the kernel"

struct record {
    const char *failed;
    int line;
};

static struct record *record;
static const char *name; /* of what is tried */
static int file, pipe_ends[2];

/* ---- libraries ---- */

struct library {
    void *handle;
    const char *(*bytes)(void);
};

static struct library load(const char *base, int mode) {
    char path[PATH_MAX + 64], *slash;
    ssize_t size = readlink("/proc/self/exe", path, PATH_MAX);
    CHECK(size > 0);
    path[size] = 0;
    CHECK((slash = strrchr(path, '/')));
    snprintf(slash + 1, 64, "lib%s.so", base);
    struct library library = {.handle = dlopen(path, mode)};
    CHECK(library.handle);
    library.bytes = dlsym(library.handle, "caller_bytes");
    CHECK(library.bytes);
    return library;
}

static void *function_of(const struct library *library, const char *symbol) {
    void *function = dlsym(library->handle, symbol);
    CHECK(function);
    return function;
}

#define CALL(library, type, name) ((type)function_of(&(library), #name))

static const struct dormant_part *data_of(const struct library *library) {
    const unsigned long address = (unsigned long)library->bytes();
    const struct dormant_part *part = dormant_after(address);
    return part && part->start <= address ? part : NULL;
}

/* Whether it can be written. */
static bool is_awake(const struct dormant_part *part) {
    char line[512];
    bool found = false;
    FILE *maps = fopen("/proc/self/maps", "re");
    CHECK(maps);
    while (!found && fgets(line, sizeof(line), maps)) {
        char *rest;
        unsigned long start = strtoul(line, &rest, 16), end = strtoul(rest + 1, &rest, 16);
        found = start <= part->start && part->start < end && rest[2] == 'w';
    }
    fclose(maps);
    return found;
}

/* All that may sleep, as after a snapshot. */
static void sleep_all(void) {
    CHECK(dormant_begin(0) > 0);
    for (const struct dormant_part *part = dormant_after(0); part; part = dormant_after(part->end))
        if (part->kind == DORMANT_DATA)
            CHECK(mprotect((void *)part->start, part->end - part->start, PROT_READ | PROT_EXEC) ==
                  0);
    dormant_sleeps();
}

static struct library now, other, plain;

/* The last has nothing written. */
static void sleep_now_and_other(void) {
    plain = load("caller_plain", RTLD_NOW | RTLD_LOCAL);
    now = load("caller_now", RTLD_NOW | RTLD_LOCAL);
    other = load("caller_other", RTLD_NOW | RTLD_LOCAL);
    sleep_all();
    CHECK(data_of(&now) && data_of(&now)->is_caller && !is_awake(data_of(&now)));
    CHECK(data_of(&other) && data_of(&other)->is_caller && !is_awake(data_of(&other)));
    CHECK(data_of(&plain) && !data_of(&plain)->is_caller && !is_awake(data_of(&plain)));
}

/* ---- cases ---- */

static void in_child(void (*body)(void)) {
    int status;
    record = mmap(NULL, sizeof(*record), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(record, MAP_FAILED);
    pid_t pid = fork_child();
    if (pid == 0) {
        char content[FILE_BYTES] = TEXT;
        memcpy(content + 4096, "second page", 12);
        file = memfd_create("content", MFD_CLOEXEC);
        CHECK(file >= 0 && write(file, content, sizeof(content)) == FILE_BYTES);
        CHECK(lseek(file, 0, SEEK_SET) == 0 && pipe(pipe_ends) == 0);
        CHECK(write(pipe_ends[1], TEXT, 5) == 5);
        body();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (record->failed)
        fail_msg("line %d: %s (%s)", record->line, record->failed, name ? name : "");
    assert_int_equal(status, 0);
    munmap(record, sizeof(*record));
}

static const struct {
    const char *name;
    long expected;
    bool is_pipe;
    const char *bytes; /* then its data begins with this */
} calls[] = {
    {"caller_read", 4096, false, TEXT},       {"caller_pread", 4096, false, TEXT + 1},
    {"caller_stat", FILE_BYTES, false, NULL}, {"caller_owner", 0, false, NULL},
    {"caller_ioctl", 5, true, NULL},
};
#define CALLS (sizeof(calls) / sizeof(calls[0]))

static size_t at;

static long call(void) {
    long (*function)(int) = (long (*)(int))function_of(&now, calls[at].name);
    return function(calls[at].is_pipe ? pipe_ends[0] : file);
}

static void check_call(void) {
    sleep_now_and_other();
    errno = 7;
    CHECK(call() == calls[at].expected);
    CHECK(errno == 7);
    CHECK(is_awake(data_of(&now)) && is_awake(data_of(&other)) && !is_awake(data_of(&plain)));
    CHECK(!dormant_calls_asleep);
    CHECK(!calls[at].bytes || strcmp(now.bytes(), calls[at].bytes) == 0);
    CHECK(lseek(file, 0, SEEK_SET) == 0);
    CHECK(call() == calls[at].expected); /* and it goes on so */
}

static void test_a_call_wakes(void **state) {
    (void)state;
    for (at = 0; at < CALLS; at++) {
        name = calls[at].name;
        in_child(check_call);
    }
}

/* What the test is about: the stubs lead straight on, nothing wakes. */
static void check_call_alone(void) {
    sleep_now_and_other();
    dormant_calls_asleep = false;
    errno = 0;
    CHECK(call() == -1 && errno == EFAULT);
    CHECK(!is_awake(data_of(&now)));
}

static void test_without_waking_it_fails(void **state) {
    (void)state;
    for (at = 0; at < CALLS; at++) {
        name = calls[at].name;
        in_child(check_call_alone);
    }
}

/* The first call is one that reads into another's data. */
static void check_other_data(void) {
    struct library library = load(name, RTLD_NOW | RTLD_LOCAL);
    sleep_now_and_other();
    long (*into)(int, void *) = CALL(library, long (*)(int, void *), caller_read_into);
    CHECK(into(file, (void *)other.bytes()) == 4096 && strcmp(other.bytes(), TEXT) == 0);
}

static void test_data_of_another_caller(void **state) {
    static const char *const readers[] = {"caller_now", "caller_by_name", "caller_has_table",
                                          "caller_takes_address", "caller_gives_memory"};
    (void)state;
    for (size_t i = 0; i < sizeof(readers) / sizeof(readers[0]); i++) {
        name = readers[i];
        in_child(check_other_data);
    }
}

static void *read_in_thread(void *barrier) {
    long (*function)(int) = CALL(now, long (*)(int), caller_pread);
    pthread_barrier_wait(barrier);
    return (void *)function(file);
}

static void check_threads(void) {
    pthread_t threads[4];
    pthread_barrier_t barrier;
    sleep_now_and_other();
    CHECK(pthread_barrier_init(&barrier, NULL, 4) == 0);
    for (size_t i = 0; i < 4; i++)
        CHECK(pthread_create(&threads[i], NULL, read_in_thread, &barrier) == 0);
    for (size_t i = 0; i < 4; i++) {
        void *result;
        CHECK(pthread_join(threads[i], &result) == 0 && (long)result == 4096);
    }
    CHECK(is_awake(data_of(&now)) && strcmp(now.bytes(), TEXT + 1) == 0);
}

static void test_threads(void **state) {
    (void)state;
    for (int i = 0; i < 10; i++)
        in_child(check_threads);
}

/* ---- arguments ---- */

/* Stands before libc's, for the library. */
double adjtimex(double a, double b, double c, double d, double e, double f, double g, double h,
                long i, long j, long k, long l, long m, long n, ...);

double adjtimex(double a, double b, double c, double d, double e, double f, double g, double h,
                long i, long j, long k, long l, long m, long n, ...) {
    va_list more;
    va_start(more, n);
    const long o = va_arg(more, long);
    const double p = va_arg(more, double);
    va_end(more);
    const bool vectors = a == 1.5 && b == 2 && c == 3 && d == 4 && e == 5 && f == 6 && g == 7 &&
                         h == 8 && p == 16.25;
    const bool numbers = i == 9 && j == 10 && k == 11 && l == 12 && m == 13 && n == 14 && o == 15;
    return vectors && numbers ? 2.5 : 0;
}

static void check_arguments(void) {
    sleep_now_and_other();
    CHECK(CALL(now, double (*)(void), caller_adjtimex)() == 2.5);
    CHECK(is_awake(data_of(&now)));
    CHECK(CALL(now, double (*)(void), caller_adjtimex)() == 2.5);
}

static void check_seven_arguments(void) {
    sleep_now_and_other();
    const char *mapped = CALL(now, const char *(*)(int), caller_map)(file);
    CHECK(mapped != MAP_FAILED && strcmp(mapped, "second page") == 0);
    CHECK(is_awake(data_of(&now)));
}

static void test_arguments(void **state) {
    (void)state;
    in_child(check_arguments);
    in_child(check_seven_arguments);
}

/* ---- who stays awake ---- */

static void check_awake(void) {
    const bool lazy = strcmp(name, "caller_lazy") == 0;
    now = load("caller_now", RTLD_NOW | RTLD_LOCAL);
    struct library library = load(name, (lazy ? RTLD_LAZY : RTLD_NOW) | RTLD_LOCAL);
    sleep_all();
    CHECK(data_of(&now) && !data_of(&library));
    long (*by_address)(int) = (long (*)(int))dlsym(library.handle, "caller_by_address");
    CHECK(!by_address || by_address(file) == 4096);
    CHECK(CALL(library, long (*)(int), caller_pread)(file) == 4096);
    CHECK(strcmp(library.bytes(), TEXT + 1) == 0);
    if (lazy) /* which nothing was changed of */
        return;
    CHECK(is_awake(data_of(&now))); /* others may pass it their data */
    CHECK(lseek(file, 0, SEEK_SET) == 0);
    long (*into)(int, void *) = CALL(library, long (*)(int, void *), caller_read_into);
    CHECK(into(file, (void *)now.bytes()) == 4096 && strcmp(now.bytes(), TEXT) == 0);
}

static void test_who_stays_awake(void **state) {
    static const char *const names[] = {"caller_lazy", "caller_by_name", "caller_has_table",
                                        "caller_takes_address", "caller_gives_memory"};
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        name = names[i];
        in_child(check_awake);
    }
}

/* ---- without sleep ---- */

#define KEPT_BYTES 65536

/* A copy of the data of a library, all slots and more, but for what its calls fill. */
static void keep_data(const struct dormant_part *part, char *copy) {
    CHECK(part && part->end - part->start <= KEPT_BYTES);
    memcpy(copy, (const void *)part->start, part->end - part->start);
    memset(copy + ((unsigned long)now.bytes() - part->start), 0, 4096);
}

static void check_forgotten(void) {
    static char as_loaded[KEPT_BYTES], redirected[KEPT_BYTES], later[KEPT_BYTES];
    now = load("caller_now", RTLD_NOW | RTLD_LOCAL);
    CHECK(dormant_begin(0) > 0);
    const struct dormant_part part = *data_of(&now);
    keep_data(&part, redirected);
    CHECK(!is_awake(&part)); /* its first page is one that the loader made read-only */
    dormant_forget();
    CHECK(!dormant_after(0) && !is_awake(&part));
    keep_data(&part, as_loaded);
    CHECK(memcmp(as_loaded, redirected, KEPT_BYTES) != 0);
    CHECK(CALL(now, long (*)(int), caller_read)(file) == 4096);
    CHECK(dormant_begin(0) > 0);
    keep_data(&part, later);
    CHECK(memcmp(later, redirected, KEPT_BYTES) == 0);
    CHECK(CALL(now, long (*)(int), caller_pread)(file) == 4096);
    dormant_forget();
    keep_data(&part, later);
    CHECK(memcmp(later, as_loaded, KEPT_BYTES) == 0);
}

static void test_forgotten(void **state) {
    (void)state;
    in_child(check_forgotten);
}

static void check_woken_otherwise(void) {
    sleep_now_and_other();
    dormant_wake_all();
    CHECK(is_awake(data_of(&now)));
    CHECK(CALL(now, long (*)(int), caller_read)(file) == 4096);
}

static void check_given_back(void) {
    sleep_now_and_other();
    const struct dormant_part part = *data_of(&now);
    CHECK(signal(SIGSEGV, SIG_DFL) == SIG_DFL);
    CHECK(is_awake(&part));
    CHECK(CALL(now, long (*)(int), caller_read)(file) == 4096);
}

static void test_woken_otherwise(void **state) {
    (void)state;
    in_child(check_woken_otherwise);
    in_child(check_given_back);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_call_wakes),
        cmocka_unit_test(test_without_waking_it_fails),
        cmocka_unit_test(test_data_of_another_caller),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_who_stays_awake),
        cmocka_unit_test(test_forgotten),
        cmocka_unit_test(test_woken_otherwise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
