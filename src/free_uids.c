/* free_uids: looks at all processes once, then tries places at random. proc(5): status. */
#include "free_uids.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/random.h>

#define UIDS 65536u
#define TRIES 1000

static bool used[UIDS];

/* The real uid; also of a process that may not be looked at otherwise. */
static void note_process(const char *pid) {
    char path[300], line[128];
    unsigned uid;
    snprintf(path, sizeof(path), "/proc/%s/status", pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return; /* it has ended */
    while (fgets(line, sizeof(line), file))
        if (sscanf(line, "Uid: %u", &uid) == 1) {
            if (uid < UIDS)
                used[uid] = true;
            break;
        }
    fclose(file);
}

static void note_processes(void) {
    DIR *directory = opendir("/proc");
    if (!directory)
        return;
    for (const struct dirent *entry; (entry = readdir(directory));)
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
            note_process(entry->d_name);
    closedir(directory);
}

static bool is_free(uint32_t first, uint32_t count) {
    for (uint32_t uid = first > count ? first - count : 0; uid < first + count; uid++)
        if (used[uid])
            return false;
    return true;
}

uint32_t free_uids_choose(uint32_t least, uint32_t end, uint32_t count) {
    uint32_t first = least;
    note_processes();
    for (int i = 0; i < TRIES; i++) {
        uint32_t random = 0;
        if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
            random = 0;
        first = least + random % (end - least - count);
        if (is_free(first, count))
            break;
    }
    return first;
}
