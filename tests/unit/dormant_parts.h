/*
 * dormant_parts: the libraries of this very program sleep, and which of them do. The library that
 * is looked at is libcjson: small, and cJSON_InitHooks() writes to its data. For the body of a test
 * (snapshot_child.h).
 */
#ifndef DORMANT_PARTS_H
#define DORMANT_PARTS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "dormant.h"
#include "snapshot.h"
#include "snapshot_child.h"

#define CODE_BYTES (512UL << 10)

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

#endif
