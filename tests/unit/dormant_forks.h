/*
 * dormant_forks: forks of the process whose libraries sleep, and the write that wakes libcjson. For
 * the body of a test (snapshot_child.h).
 */
#ifndef DORMANT_FORKS_H
#define DORMANT_FORKS_H

#include "dormant_parts.h"

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

static void write_to_cjson(void) {
    cJSON_Hooks hooks = {.malloc_fn = malloc, .free_fn = free};
    cJSON_InitHooks(&hooks);
}

static void write_and_look(void) {
    CHECK(has_mode(data_of_cjson(), "r-xp"));
    write_to_cjson();
    CHECK(has_mode(data_of_cjson(), "rw-p") && has_mode(code_of_cjson(), "r-xp"));
    CHECK(all_have_mode("r-xp", data_of_cjson()));
    cJSON *number = cJSON_Parse("[1, 2.5]");
    CHECK(number && cJSON_GetArraySize(number) == 2);
    cJSON_Delete(number);
}

#endif
