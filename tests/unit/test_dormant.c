/* dormant: which libraries of this very program may sleep, and that they are what they were, only
 * fewer mappings. Each case runs in a child, of which a snapshot is taken. */
#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dormant_parts.h"

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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts),
        cmocka_unit_test(test_who_stays_awake),
        cmocka_unit_test(test_every_byte_stays),
        cmocka_unit_test(test_sleeping_libraries_are_fewer_mappings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
