/* yield: see yield.h. */
#include "yield.h"

#include <errno.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* A tenth of the weight. With less, loading would take minutes while every processor is in use. */
#define YIELD_BY 10
#define LEAST_IMPORTANT 19

static bool has_yielded;
static int before;

static int lower(void) {
    const int wanted = before + YIELD_BY;
    return setpriority(PRIO_PROCESS, 0, wanted < LEAST_IMPORTANT ? wanted : LEAST_IMPORTANT);
}

/* Tried by a fork, which does not matter. */
static bool can_come_back(void) {
    int status;
    pid_t pid = fork();
    if (pid == 0)
        _exit(lower() < 0 || setpriority(PRIO_PROCESS, 0, before) < 0);
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

void yield_begin(void) {
    before = getpriority(PRIO_PROCESS, 0);
    has_yielded = can_come_back() && lower() == 0;
}

int yield_end(void) {
    if (!has_yielded)
        return 0;
    has_yielded = false;
    return setpriority(PRIO_PROCESS, 0, before) < 0 ? -errno : 0;
}
