/* dormant: a library that sleeps wakes when it is written to, by the process, its threads or the
 * kernel; any other fault ends the process. Each case runs in a child, of which a snapshot is
 * taken. */
#include <dlfcn.h>
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "dormant_forks.h"

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
        cmocka_unit_test(test_who_is_written_to_wakes),
        cmocka_unit_test(test_all_wake_in_threads_too),
        cmocka_unit_test(test_whom_the_kernel_writes_to_wakes),
        cmocka_unit_test(test_other_faults_end_the_process),
        cmocka_unit_test(test_without_sleep_all_is_as_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
