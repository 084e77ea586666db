/*
 * cgroup_find: where the calling process's own cgroups are in the file system. proc(5): mountinfo,
 * /proc/PID/cgroup.
 */
#ifndef CGROUP_FIND_H
#define CGROUP_FIND_H

#include <stddef.h>
#include <stdio.h>

/* The directory of the process's own cgroup: controller "memory", "pids", "cpu" for version 1, NULL
 * for version 2. Reads the two texts from their start. 0, -ENOENT if there is none, -ENAMETOOLONG.
 */
int cgroup_find(FILE *mountinfo, FILE *own, const char *controller, char *ret_path, size_t size);

#endif
