/* process_stats: reads, and keeps nothing. proc(5): statm, fd. */
#include "process_stats.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

int64_t process_resident_bytes(void) {
    long pages;
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file)
        return -errno;
    int fields = fscanf(file, "%*s %ld", &pages);
    fclose(file);
    return fields == 1 ? (int64_t)pages * sysconf(_SC_PAGESIZE) : -EIO;
}

int64_t process_descriptors(void) {
    int64_t count = 0;
    DIR *directory = opendir("/proc/self/fd");
    if (!directory)
        return -errno;
    for (const struct dirent *entry; (entry = readdir(directory));)
        count += entry->d_name[0] != '.';
    closedir(directory);
    return count - 1; /* without the directory's own */
}

int64_t process_cpu_us(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (int64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000 +
           usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

int64_t process_wall_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}
