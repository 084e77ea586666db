/* dormant: libraries of this very program sleep, are written to and wake; and all that must not
 * keep one from waking. Each case runs in a child, of which a snapshot is taken. The library that
 * is looked at is libcjson: small, and cJSON_InitHooks() writes to its data. */
#include <dlfcn.h>
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
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#include "checked_child.h"
#include "dormant.h"
#include "snapshot.h"

#define PAGE ((unsigned long)getpagesize())
#define RECORD_BYTES (256UL << 20)
#define CODE_BYTES (512UL << 10)

struct record {
    const char *failed; /* the condition, a literal of this program */
    int line;
    unsigned char bytes[]; /* of all parts, one after the other */
};

/* In shared memory: no part of a snapshot, and the parent sees it. */
static struct record *record;
static int proc_self;

static void in_child(void (*body)(void)) {
    int status;
    record = mmap(NULL, RECORD_BYTES, PROT_READ | PROT_WRITE,
                  MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert_ptr_not_equal(record, MAP_FAILED);
    pid_t pid = fork_child();
    if (pid == 0) {
        proc_self = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        body();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (record->failed)
        fail_msg("line %d: %s", record->line, record->failed);
    assert_int_equal(status, 0);
    munmap(record, RECORD_BYTES);
}

/* How a fork of the sleeping process ends; its handlers stay. */
static int status_of(void (*body)(void)) {
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        body();
        _exit(0);
    }
    CHECK(waitpid(pid, &status, 0) == pid);
    return status;
}

static void in_fork(void (*body)(void)) {
    if (status_of(body) != 0)
        _exit(1);
}

/* "rw-p" and the like, of the page at an address; "" where nothing is. */
static const char *mode_at(unsigned long address) {
    static char mode[5];
    char line[512];
    FILE *maps = fopen("/proc/self/maps", "re");
    mode[0] = 0;
    while (maps && !mode[0] && fgets(line, sizeof(line), maps)) {
        char *rest;
        unsigned long start = strtoul(line, &rest, 16), end = strtoul(rest + 1, &rest, 16);
        if (start <= address && address < end)
            memcpy(mode, rest + 1, 4);
    }
    if (maps)
        fclose(maps);
    return mode;
}

static bool has_mode(const struct dormant_part *part, const char *mode) {
    return strcmp(mode_at(part->start), mode) == 0 && strcmp(mode_at(part->end - 1), mode) == 0;
}

static const struct dormant_part *next_part(const struct dormant_part *part) {
    return dormant_after(part ? part->end : 0);
}

/* The part that an object of a library is in; NULL: in none. */
static const struct dormant_part *part_of(const void *object) {
    const struct dormant_part *part = dormant_after((unsigned long)object);
    return part && part->start <= (unsigned long)object ? part : NULL;
}

static const struct dormant_part *code_of_cjson(void) {
    return part_of((const void *)(uintptr_t)cJSON_InitHooks);
}

/* It follows the code. */
static const struct dormant_part *data_of_cjson(void) {
    return next_part(code_of_cjson());
}

static void sleep_all(void) {
    struct snapshot_report report;
    CHECK(dormant_begin(CODE_BYTES) > 0);
    CHECK(snapshot_take(proc_self, &report) == 0);
}

static bool all_have_mode(const char *mode, const struct dormant_part *but) {
    for (const struct dormant_part *part = next_part(NULL); part; part = next_part(part))
        if (part->kind == DORMANT_DATA && part != but && !has_mode(part, mode))
            return false;
    return true;
}

static bool all_sleep(void) {
    return all_have_mode("r-xp", NULL);
}

static bool all_are_awake(void) {
    return all_have_mode("rw-p", NULL);
}

static void write_to_cjson(void) {
    cJSON_Hooks hooks = {.malloc_fn = malloc, .free_fn = free};
    cJSON_InitHooks(&hooks);
}

/* ---- what may sleep ---- */

static void check_parts(void) {
    size_t libraries = dormant_begin(CODE_BYTES), data = 0;
    unsigned long end = 0;
    for (const struct dormant_part *part = next_part(NULL); part; part = next_part(part)) {
        CHECK(part->start >= end && part->start < part->end);
        CHECK(part->start % PAGE == 0 && part->end % PAGE == 0);
        end = part->end;
        data += part->kind == DORMANT_DATA;
    }
    CHECK(libraries > 0 && data == libraries);
    CHECK(code_of_cjson() && code_of_cjson()->kind == DORMANT_CODE);
    CHECK(data_of_cjson()->kind == DORMANT_DATA);
    CHECK(data_of_cjson()->start == code_of_cjson()->end);
    const struct dormant_part asleep = *data_of_cjson();
    CHECK(dormant_begin(asleep.start - code_of_cjson()->start) == libraries && code_of_cjson());
    CHECK(dormant_begin(asleep.start - code_of_cjson()->start - 1) == libraries);
    CHECK(!code_of_cjson() && part_of((void *)asleep.start));
}

static void test_parts(void **state) {
    (void)state;
    in_child(check_parts);
}

static bool has_data(const char *name, const char *object) {
    void *library = dlopen(name, RTLD_NOW);
    const void *address = library ? dlsym(library, object) : NULL;
    CHECK(address);
    const struct dormant_part *part = part_of(address);
    return part && part->kind == DORMANT_DATA;
}

/* Objects that are data, of libraries that have the kernel write, and of the system's own. */
static void check_who_stays_awake(void) {
    dormant_begin(CODE_BYTES);
    CHECK(!has_data("libpython3.11.so.1.0", "PyType_Type"));
    CHECK(!has_data("libc.so.6", "stdout"));
    CHECK(!part_of(&record));
}

static void test_who_stays_awake(void **state) {
    (void)state;
    in_child(check_who_stays_awake);
}

/* ---- sleep ---- */

static size_t keep_bytes(unsigned char *bytes) {
    size_t size = 0;
    for (const struct dormant_part *part = next_part(NULL); part; part = next_part(part)) {
        if (*mode_at(part->start) != 'r' || *mode_at(part->end - 1) != 'r')
            continue;
        memcpy(bytes + size, (const void *)part->start, part->end - part->start);
        size += part->end - part->start;
    }
    return size;
}

static void check_bytes(void) {
    struct snapshot_report report;
    CHECK(dormant_begin(CODE_BYTES) > 0);
    size_t size = keep_bytes(record->bytes);
    CHECK(size > 0 && 2 * size < RECORD_BYTES - sizeof(*record));
    CHECK(snapshot_take(proc_self, &report) == 0);
    CHECK(all_sleep());
    CHECK(keep_bytes(record->bytes + size) == size);
    CHECK(memcmp(record->bytes, record->bytes + size, size) == 0);
    dormant_wake_all();
    CHECK(all_are_awake());
    CHECK(keep_bytes(record->bytes + size) == size);
    CHECK(memcmp(record->bytes, record->bytes + size, size) == 0);
}

static void test_every_byte_stays(void **state) {
    (void)state;
    in_child(check_bytes);
}

static size_t count_mappings(void) {
    char line[512];
    size_t count = 0;
    FILE *maps = fopen("/proc/self/maps", "re");
    CHECK(maps);
    while (fgets(line, sizeof(line), maps)) {
        CHECK(!strstr(line, " rwx"));
        count += strchr(line, '\n') != NULL;
    }
    fclose(maps);
    return count;
}

static void check_count_of_mappings(void) {
    size_t before = count_mappings();
    sleep_all();
    size_t asleep = count_mappings();
    dormant_wake_all();
    size_t awake = count_mappings();
    CHECK(asleep < before && asleep < awake);
}

static void test_sleeping_libraries_are_fewer_mappings(void **state) {
    (void)state;
    in_child(check_count_of_mappings);
}

/* ---- waking ---- */

static void write_and_look(void) {
    CHECK(has_mode(data_of_cjson(), "r-xp"));
    write_to_cjson();
    CHECK(has_mode(data_of_cjson(), "rw-p") && has_mode(code_of_cjson(), "r-xp"));
    CHECK(all_have_mode("r-xp", data_of_cjson()));
    cJSON *number = cJSON_Parse("[1, 2.5]");
    CHECK(number && cJSON_GetArraySize(number) == 2);
    cJSON_Delete(number);
}

static void check_waking(void) {
    sleep_all();
    in_fork(write_and_look);
    CHECK(all_sleep()); /* a fork's waking is its own */
    in_fork(write_and_look);
    dormant_wake(data_of_cjson()->start, data_of_cjson()->start + 1);
    CHECK(has_mode(data_of_cjson(), "rw-p") && all_have_mode("r-xp", data_of_cjson()));
    write_to_cjson();
    CHECK(!dormant_wake(code_of_cjson()->start, code_of_cjson()->end));
}

static void test_who_is_written_to_wakes(void **state) {
    (void)state;
    in_child(check_waking);
}

/* Each byte is written with what is there: all pages, of all libraries. */
static void write_all(void) {
    for (const struct dormant_part *part = next_part(NULL); part; part = next_part(part))
        for (unsigned long at = part->start; part->kind == DORMANT_DATA && at < part->end;
             at += PAGE)
            *(volatile unsigned char *)at = *(volatile unsigned char *)at;
}

static void write_all_and_look(void) {
    write_all();
    CHECK(all_are_awake());
}

static void *write_all_in_thread(void *barrier) {
    pthread_barrier_wait(barrier);
    write_all();
    return NULL;
}

static void write_in_threads(void) {
    pthread_t threads[4];
    pthread_barrier_t barrier;
    CHECK(pthread_barrier_init(&barrier, NULL, 4) == 0);
    for (size_t i = 0; i < 4; i++)
        CHECK(pthread_create(&threads[i], NULL, write_all_in_thread, &barrier) == 0);
    for (size_t i = 0; i < 4; i++)
        CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(all_are_awake());
}

static void check_all_wake(void) {
    sleep_all();
    in_fork(write_all_and_look);
    for (int i = 0; i < 5; i++)
        in_fork(write_in_threads);
}

static void test_all_wake_in_threads_too(void **state) {
    (void)state;
    in_child(check_all_wake);
}

/* The library of test_dormant_calls.c, beside this program: the kernel writes to its data. */
static long (*read_to_library)(int);
static const char *library_bytes;

static void load_caller(void) {
    char path[PATH_MAX + 32];
    ssize_t size = readlink("/proc/self/exe", path, PATH_MAX);
    CHECK(size > 0);
    path[size] = 0;
    CHECK(strrchr(path, '/'));
    strcpy(strrchr(path, '/'), "/libcaller_now.so");
    void *library = dlopen(path, RTLD_NOW);
    CHECK(library);
    const char *(*bytes)(void) = (const char *(*)(void))dlsym(library, "caller_bytes");
    read_to_library = (long (*)(int))dlsym(library, "caller_read");
    CHECK(bytes && read_to_library);
    library_bytes = bytes();
}

static void have_the_kernel_write(void) {
    int file = memfd_create("content", MFD_CLOEXEC);
    CHECK(file >= 0 && write(file, "text", 5) == 5);
    for (int i = 0; i < 2; i++) {
        CHECK(lseek(file, 0, SEEK_SET) == 0 && read_to_library(file) == 5);
        CHECK(strcmp(library_bytes, "text") == 0);
    }
    for (const struct dormant_part *part = next_part(NULL); part; part = next_part(part))
        CHECK(part->kind != DORMANT_DATA || has_mode(part, part->is_caller ? "rw-p" : "r-xp"));
}

static void check_kernel_writes(void) {
    load_caller();
    sleep_all();
    CHECK(part_of(library_bytes) && part_of(library_bytes)->is_caller);
    in_fork(have_the_kernel_write);
    CHECK(all_sleep());
    in_fork(have_the_kernel_write);
}

static void test_whom_the_kernel_writes_to_wakes(void **state) {
    (void)state;
    in_child(check_kernel_writes);
}

/* ---- what is not a waking ---- */

static void write_to_nothing(void) {
    *(volatile char *)(PAGE - 1) = 1;
}

static void write_to_code(void) {
    *(volatile char *)code_of_cjson()->start = 1;
}

static void run_data(void) {
    write_to_cjson();
    ((void (*)(void))data_of_cjson()->start)();
}

static void send_to_itself(void) {
    kill(getpid(), SIGSEGV);
    pause();
}

static int recurse(int depth) {
    volatile char large[4096];
    large[0] = (char)depth;
    return depth == INT_MAX ? 0 : recurse(depth + 1) + large[0];
}

static void overflow_the_stack(void) {
    recurse(0);
}

static void check_other_faults(void) {
    static void (*const bodies[])(void) = {write_to_nothing, write_to_code, run_data,
                                           send_to_itself, overflow_the_stack};
    const struct rlimit no_core = {0};
    setrlimit(RLIMIT_CORE, &no_core);
    sleep_all();
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        int status = status_of(bodies[i]);
        CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
        dormant_wake(data_of_cjson()->start, data_of_cjson()->end);
    }
}

static void test_other_faults_end_the_process(void **state) {
    (void)state;
    in_child(check_other_faults);
}

/* ---- calls that wake ---- */

static volatile sig_atomic_t taken;

static void take(int number) {
    taken = number;
}

static void query_action(void) {
    struct sigaction old;
    CHECK(sigaction(SIGSEGV, NULL, &old) == 0 && old.sa_handler == SIG_DFL);
}

static void set_action(void) {
    const struct sigaction action = {.sa_handler = take};
    struct sigaction old;
    CHECK(sigaction(SIGSEGV, &action, &old) == 0 && old.sa_handler == SIG_DFL);
    CHECK(all_are_awake());
    write_to_cjson();
    CHECK(raise(SIGSEGV) == 0 && taken == SIGSEGV);
}

static void set_handler(void) {
    CHECK(signal(SIGSEGV, SIG_IGN) == SIG_DFL);
    CHECK(signal(SIGSEGV, SIG_DFL) == SIG_IGN);
}

static void block_during_another(void) {
    struct sigaction action = {.sa_handler = take}, old;
    sigfillset(&action.sa_mask);
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    CHECK(sigaction(SIGUSR1, NULL, &old) == 0 && old.sa_handler == take);
}

static void block_all(void) {
    sigset_t all, old;
    sigfillset(&all);
    CHECK(sigprocmask(SIG_BLOCK, &all, NULL) == 0);
    CHECK(sigprocmask(SIG_BLOCK, NULL, &old) == 0 && sigismember(&old, SIGSEGV) == 1);
}

static void block_in_thread(void) {
    sigset_t all;
    sigfillset(&all);
    CHECK(pthread_sigmask(SIG_SETMASK, &all, NULL) == 0);
}

static void bound_data(void) {
    struct rlimit limit = {1 << 20, RLIM_INFINITY}, now;
    CHECK(setrlimit(RLIMIT_DATA, &limit) == 0);
    CHECK(getrlimit(RLIMIT_DATA, &now) == 0 && now.rlim_cur == 1 << 20);
}

static void bound_data_by_prlimit(void) {
    struct rlimit limit = {1 << 20, RLIM_INFINITY}, old;
    CHECK(prlimit(0, RLIMIT_DATA, &limit, &old) == 0 && old.rlim_cur == RLIM_INFINITY);
}

static void open_library(void) {
    CHECK(dlopen("libcjson.so.1", RTLD_NOW) && !dlopen("/nothing", RTLD_NOW));
}

static void (*call)(void);

static void call_and_write(void) {
    CHECK(all_sleep());
    call();
    CHECK(all_are_awake());
    write_to_cjson();
}

static void check_calls_that_wake(void) {
    static void (*const calls[])(void) = {
        query_action,    set_action, set_handler,           block_during_another, block_all,
        block_in_thread, bound_data, bound_data_by_prlimit, open_library};
    sleep_all();
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        call = calls[i];
        in_fork(call_and_write);
    }
}

static void test_calls_that_wake(void **state) {
    (void)state;
    in_child(check_calls_that_wake);
}

static void check_calls_that_do_not(void) {
    const struct rlimit no_core = {0};
    const struct sigaction action = {.sa_handler = take};
    sigset_t some, old;
    sleep_all();
    sigemptyset(&some);
    CHECK(sigprocmask(SIG_SETMASK, &some, NULL) == 0);
    sigaddset(&some, SIGCHLD);
    CHECK(sigprocmask(SIG_BLOCK, &some, NULL) == 0 && pthread_sigmask(SIG_BLOCK, NULL, &old) == 0);
    sigfillset(&some);
    CHECK(pthread_sigmask(SIG_UNBLOCK, &some, NULL) == 0);
    CHECK(sigaction(SIGUSR2, &action, NULL) == 0 && signal(SIGUSR1, take) == SIG_DFL);
    CHECK(setrlimit(RLIMIT_CORE, &no_core) == 0);
    CHECK(all_sleep());
    in_fork(write_and_look);
    dormant_give_back();
    CHECK(!dormant_after(0));
    CHECK(signal(SIGSEGV, SIG_DFL) == SIG_DFL);
    write_to_cjson();
}

static void test_calls_that_do_not_wake(void **state) {
    (void)state;
    in_child(check_calls_that_do_not);
}

static void check_forgotten(void) {
    struct snapshot_report report;
    CHECK(dormant_begin(CODE_BYTES) > 0);
    const struct dormant_part data = *data_of_cjson();
    dormant_forget();
    CHECK(!dormant_after(0));
    CHECK(snapshot_take(proc_self, &report) == 0);
    CHECK(has_mode(&data, "rw-p"));
    write_to_cjson();
    int status = status_of(write_to_nothing);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

static void test_without_sleep_all_is_as_before(void **state) {
    (void)state;
    in_child(check_forgotten);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_who_stays_awake),
        cmocka_unit_test(test_every_byte_stays),
        cmocka_unit_test(test_sleeping_libraries_are_fewer_mappings),
        cmocka_unit_test(test_who_is_written_to_wakes),
        cmocka_unit_test(test_all_wake_in_threads_too),
        cmocka_unit_test(test_whom_the_kernel_writes_to_wakes),
        cmocka_unit_test(test_other_faults_end_the_process),
        cmocka_unit_test(test_calls_that_wake),
        cmocka_unit_test(test_calls_that_do_not_wake),
        cmocka_unit_test(test_without_sleep_all_is_as_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
