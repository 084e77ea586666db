/* cgroup_files: writing one value into one cgroup file. */
#ifndef CGROUP_FILES_H
#define CGROUP_FILES_H

/* Writes text in one write(2) to the file name in the directory dir. 0 or -errno. */
int cgroup_write(int dir, const char *name, const char *text);

#endif
