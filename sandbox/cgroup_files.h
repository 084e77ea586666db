/* cgroup_files: directories of cgroups, and writing one value into one of their files. */
#ifndef CGROUP_FILES_H
#define CGROUP_FILES_H

/* Makes the directory name below parent, if it is not there. Its descriptor or -errno. */
int cgroup_make_directory(int parent, const char *name);

/* Unless *fd is -1; it is afterwards. */
void cgroup_close(int *fd);

/* Writes text in one write(2) to the file name in the directory dir. 0 or -errno. */
int cgroup_write(int dir, const char *name, const char *text);

#endif
